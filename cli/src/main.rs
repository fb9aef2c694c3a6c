//! The `gantry` command: runs pipelines at the desk, checks and plans them, and shows what was run.

mod args;
mod commands;
mod desk;
mod error;
mod exit_code;
mod output;

use clap::Parser as _;
use exit_code::ExitCode;

/// The first argument with which this program starts itself as a slot process. No command for people,
/// so the command line does not know it.
const SLOT: &str = "slot";

fn main() -> std::process::ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == SLOT) {
        return worker::slot::main();
    }
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
