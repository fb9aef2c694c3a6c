//! The `gantry` command: runs pipelines at the desk, checks and plans them, and shows what was run.

mod args;
mod commands;
mod desk;
mod error;
mod exit_code;
mod output;

use clap::Parser as _;
use exit_code::ExitCode;
use tracing_subscriber::filter::LevelFilter;

/// The first argument with which this program starts itself as a slot process. No command for people,
/// so the command line does not know it.
const SLOT: &str = "slot";

/// The variable that turns on what Gantry says about itself: `error`, `warn`, `info`, `debug`, `trace`.
const LOG: &str = "GANTRY_LOG";

fn main() -> std::process::ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == SLOT) {
        return worker::slot::main();
    }
    let cli = args::Cli::parse();
    log_what_happens_inside();
    let code = commands::dispatch(&cli.command).unwrap_or_else(|error| {
        // Where the reader of the output is gone, nobody waits for a message either.
        if error.code != ExitCode::Succeeded {
            eprint!("{}", error.render(output::Palette::stderr()));
        }
        error.code
    });
    code.into()
}

/// Off unless it is asked for: it is for those who look for a mistake in Gantry itself.
fn log_what_happens_inside() {
    let level = std::env::var(LOG).ok();
    if let Some(level) = level.and_then(|level| level.parse::<LevelFilter>().ok()) {
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(std::io::stderr)
            .init();
    }
}
