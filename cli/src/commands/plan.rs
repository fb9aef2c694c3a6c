//! `gantry plan`: shows what a pipeline would do.

use crate::args::PipelineArgs;
use crate::error::Result;
use clap::ValueEnum;

/// Show what a pipeline would do for an event: its jobs, what waits for what, what is skipped and why,
/// which secrets it asks for. Runs nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  gantry plan                              the only pipeline of this repository
  gantry plan ci --trigger push            as it would be for a push
  gantry plan release --param version=1.2
  gantry plan --format json                for programs: docs/plan.md
  gantry plan --format dot | dot -Tsvg     a drawing, by Graphviz"#)]
pub struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,

    /// For people, for programs, or for Graphviz
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// The plan itself.
    Json,
    /// A graph.
    Dot,
}

/// Prints the plan.
pub fn run(_args: &Args) -> Result {
    todo!()
}
