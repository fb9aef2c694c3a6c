//! `gantry run`: runs a pipeline on this machine.

use crate::args::{PipelineArgs, StoreArgs};
use crate::error::Result;
use clap::ValueEnum;

/// Run a pipeline on this machine, with the runner and worker that run it in production.
///
/// Every mistake is found before anything starts. Each job then runs in a workspace of its own: a
/// snapshot of your working tree with its uncommitted work, so that nothing a job does reaches your
/// files. Everything is recorded: see `gantry runs`, `gantry logs` and `gantry explain` afterwards.
///
/// Ctrl-C cancels the run: jobs are asked to end, and what must run in any case still does. A second
/// Ctrl-C ends them by force.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  gantry run                               the only pipeline of this repository
  gantry run release --param version=1.2   a pipeline by its name, with a parameter
  gantry run examples/hello.gantry         a pipeline by its file
  gantry run --job package                 one job, and what it needs
  gantry run --job 'test["linux"]'         one element of a job with `for`
  gantry run --trigger push                as if you had pushed: `event.kind == "push"`
  gantry run --secret deploy_token         hand over a secret from the environment
  gantry run --output json                 events for a program: docs/events.md

Exit codes: 0 succeeded, 1 the run failed, 2 usage, 3 the pipeline has errors,
4 not found, 5 the store or the system failed, 130 canceled (gantry help exit-codes)"#)]
pub struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,

    /// Run this job and what it needs, nothing else; may be given several times
    #[arg(long = "job", value_name = "NAME")]
    jobs: Vec<String>,

    /// After a failure still start what does not depend on it, also where the pipeline says
    /// `fail_fast`
    #[arg(long)]
    keep_going: bool,

    /// How many jobs run at once [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_SLOTS))]
    slots: Option<u32>,

    /// Hand a secret over: its value is that of the environment variable of the same name, or of
    /// VARIABLE. It is masked in all output
    #[arg(long = "secret", value_name = "NAME[=VARIABLE]")]
    secrets: Vec<String>,

    /// Where jobs run: each in a workspace of its own, or all in your working tree itself
    #[arg(long, value_enum, default_value_t = Isolation::Workspace)]
    isolation: Isolation,

    /// For people (live on a terminal), as plain lines, or as JSON events [default: human on a
    /// terminal, else plain]
    #[arg(long, value_enum)]
    output: Option<Output>,

    #[command(flatten)]
    store: StoreArgs,
}

/// More slots than a machine has use for: each is a process.
const MAX_SLOTS: i64 = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Isolation {
    Workspace,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Human,
    Plain,
    Json,
}

/// Runs it.
pub fn run(_args: &Args) -> Result {
    todo!()
}
