//! The command line. What a command takes stands in the command's own file; here is what several of
//! them share.

use crate::commands;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Runs pipelines: at your desk exactly what your CI runs.
///
/// A pipeline is a file `.gantry/NAME.gantry` of your repository. `gantry run` executes it here, from
/// a snapshot of your working tree with its uncommitted work, and shows what failed and where.
#[derive(Debug, Parser)]
#[command(
    name = "gantry",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  gantry run                      run the pipeline of this repository
  gantry run ci --job test        only that job, and what it needs
  gantry check                    find every mistake, run nothing
  gantry plan                     what would run, and in which order
  gantry runs                     what was run
  gantry logs                     what the last run printed

Each command has examples of its own: gantry help run
GANTRY_LOG=debug shows what gantry itself does, on standard error."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands. What each is for stands with what it takes, in its own file.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(commands::run::Args),
    Check(commands::check::Args),
    Plan(commands::plan::Args),
    Explain(commands::explain::Args),
    Runs(commands::runs::Args),
    Logs(commands::logs::Args),
    /// Show how commands tell a script how they ended.
    #[command(long_about = crate::exit_code::ExitCode::help())]
    ExitCodes,
}

/// Where runs are recorded.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// The folder in which runs are recorded [default: one for this repository, below the user's
    /// cache folder]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// Which pipeline, and what started it.
#[derive(Debug, Clone, Args)]
pub struct PipelineArgs {
    /// The pipeline: its name, or the path of its file. Not needed where the repository has one
    #[arg(value_name = "PIPELINE")]
    pub pipeline: Option<String>,

    /// Set a parameter of the pipeline. Text needs no quotes; lists are as in the pipeline: a=["x"]
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub params: Vec<(String, String)>,

    /// Act as if this had started the run: push, tag=v1.2, label=deploy, pull_request, …
    #[arg(long, value_name = "KIND[=VALUE]", conflicts_with = "event")]
    pub trigger: Option<String>,

    /// Act as if this event had started the run: a JSON file with its kind and its fields
    #[arg(long, value_name = "FILE")]
    pub event: Option<PathBuf>,

    /// The site file, which says what environments, teams and facts there are
    /// [default: .gantry/site.gantry, where there is one]
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a parameter is given as NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;
    use insta::assert_snapshot;

    /// The help of a command as it is printed without colors.
    fn help(command: &str) -> String {
        let mut cli = Cli::command().term_width(100);
        cli.build();
        let command = match command {
            "" => &mut cli,
            name => cli.find_subcommand_mut(name).expect("a command"),
        };
        command.render_long_help().to_string()
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_of_gantry() {
        assert_snapshot!(help(""));
    }

    #[test]
    fn help_of_run() {
        assert_snapshot!(help("run"));
    }

    #[test]
    fn help_of_check() {
        assert_snapshot!(help("check"));
    }

    #[test]
    fn help_of_plan() {
        assert_snapshot!(help("plan"));
    }

    #[test]
    fn help_of_explain() {
        assert_snapshot!(help("explain"));
    }

    #[test]
    fn help_of_runs() {
        assert_snapshot!(help("runs"));
    }

    #[test]
    fn help_of_logs() {
        assert_snapshot!(help("logs"));
    }

    #[test]
    fn help_of_exit_codes() {
        assert_snapshot!(help("exit-codes"));
    }
}
