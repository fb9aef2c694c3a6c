//! The `gantry` command: runs pipelines at the desk, checks and plans them, and shows what was run.

mod args;
mod commands;
mod desk;
mod error;
mod exit_code;
mod output;

use clap::Parser as _;
use exit_code::ExitCode;

fn main() -> std::process::ExitCode {
    let cli = args::Cli::parse();
    let code = commands::dispatch(&cli.command).unwrap_or_else(|error| {
        // Where the reader of the output is gone, nobody waits for a message either.
        if error.code != ExitCode::Succeeded {
            eprint!("{}", error.render(output::Palette::stderr()));
        }
        error.code
    });
    code.into()
}
