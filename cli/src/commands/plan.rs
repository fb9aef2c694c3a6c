//! `gantry plan`: shows what a pipeline would do.

use crate::args::PipelineArgs;
use crate::desk::Repository;
use crate::desk::compile::{Compiled, compile};
use crate::error::Result;
use crate::exit_code::ExitCode;
use crate::output::text;
use clap::ValueEnum;
use dsl::graph;
use std::io::{self, Write};

/// Show what a pipeline would do
///
/// For an event and parameters: its jobs, what waits for what, what is skipped and why, and which
/// secrets it asks for. Nothing is run.
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
    /// A stable form for programs.
    Json,
    /// A graph.
    Dot,
}

/// Prints the plan.
pub fn run(args: &Args) -> Result {
    let repository = Repository::find()?;
    let Compiled { plan, assumed, .. } = compile(&repository, &args.pipeline)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Text => {
            write!(out, "{}", graph::text(&plan))?;
            if !assumed.is_empty() {
                let names = text::list(assumed.iter().map(String::as_str));
                writeln!(out, "not checked, for want of a site file: {names}")?;
            }
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &graph::plan_json(&plan))?;
            writeln!(out)?;
        }
        Format::Dot => write!(out, "{}", graph::dot(&plan))?,
    }
    out.flush()?;
    Ok(ExitCode::Succeeded)
}
