//! `gantry check`: finds every mistake, runs nothing.

use crate::error::Result;
use clap::ValueEnum;
use std::path::PathBuf;

/// Find every mistake in pipelines, and run nothing.
///
/// All mistakes are shown at once, each with its place, what was expected, and what to do. `gantry
/// explain G0123` tells more about a code. The exit code is 3 where there are errors.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  gantry check                             all pipelines of this repository
  gantry check examples/*.gantry           these files
  gantry check --format concise            a line for each, for editors and grep
  gantry check --format github             annotations of a pull request")]
pub struct Args {
    /// The files [default: all of .gantry]
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,

    /// How mistakes are shown
    #[arg(long, value_enum, default_value_t = Format::Full)]
    format: Format,

    /// The site file, which says what environments, teams and facts there are
    /// [default: .gantry/site.gantry, where there is one]
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the text underlined.
    Full,
    /// One line each.
    Concise,
    /// An object for programs.
    Json,
    /// Annotations for GitHub.
    Github,
}

/// Checks the files.
pub fn run(_args: &Args) -> Result {
    todo!()
}
