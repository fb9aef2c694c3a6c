//! The commands, one file each.

pub mod check;
pub mod explain;
pub mod logs;
pub mod plan;
pub mod run;
pub mod runs;

use crate::args::Command;
use crate::error::Result;
use crate::exit_code::ExitCode;
use std::io::Write as _;

/// Does what the command line asks for.
pub fn dispatch(command: &Command) -> Result {
    match command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Runs(args) => runs::run(args),
        Command::Logs(args) => logs::run(args),
        Command::ExitCodes => {
            writeln!(std::io::stdout(), "{}", ExitCode::help())?;
            Ok(ExitCode::Succeeded)
        }
    }
}
