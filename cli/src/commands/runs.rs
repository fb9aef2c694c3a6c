//! `gantry runs`: what was run.

use crate::args::StoreArgs;
use crate::desk::{Repository, store};
use crate::error::Result;
use crate::exit_code::ExitCode;
use crate::output::{Palette, text};
use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::outcome::Outcome;
use runner::store::{RunStatus, RunSummary};
use std::io::{self, Write};

/// How many runs are read from the store at once.
const PAGE: u32 = 500;

/// How much of a commit's name is shown.
const COMMIT_LENGTH: usize = 9;

/// List what was run in this repository, newest first
///
/// A run that is `interrupted` is one whose process was killed; what it printed up to then is in its
/// logs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  gantry runs                     the last twenty
  gantry runs --limit 5
  gantry runs --output json       for a program: one object per line
  gantry logs 17                  what run 17 printed")]
pub struct Args {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,

    /// A table, or one JSON object per line
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Human,
    Json,
}

/// Prints the list.
pub fn run(args: &Args) -> Result {
    let repository = Repository::find()?;
    let layout = store::layout(&repository, args.store.store.as_deref())?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let Some(mut store) = store::open_for_reading(&layout)? else {
        if args.output == Output::Human {
            writeln!(out, "nothing was run here yet; `gantry run` does")?;
        }
        out.flush()?;
        return Ok(ExitCode::Succeeded);
    };
    let palette = Palette::stdout();
    let mut left = args.limit;
    let mut before = None;
    while left > 0 {
        let page = store.runs(before, left.min(PAGE))?;
        if page.is_empty() {
            break;
        }
        left -= page.len() as u32;
        before = page.last().map(RunSummary::id);
        match args.output {
            Output::Human => write_table(&mut out, palette, &page, &TimeZone::system())?,
            Output::Json => {
                for run in &page {
                    writeln!(out, "{}", json(run))?;
                }
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::Succeeded)
}

fn write_table(
    out: &mut dyn Write,
    palette: Palette,
    runs: &[RunSummary],
    zone: &TimeZone,
) -> io::Result<()> {
    let rows: Vec<[String; 6]> = runs.iter().map(|run| row(run, zone)).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| text::width(&row[column]));
        widths.max().unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    for (run, row) in runs.iter().zip(&rows) {
        let [number, pipeline, trigger, commit, started, took] = row;
        let status = paint(palette, &run.status);
        writeln!(
            out,
            "{number:>w$}  {}  {}  {}  {}  {}  {status}",
            text::pad(pipeline, widths[1]),
            text::pad(trigger, widths[2]),
            text::pad(commit, widths[3]),
            text::pad(started, widths[4]),
            text::pad(took, widths[5]),
            w = widths[0],
        )?;
    }
    Ok(())
}

/// What is shown of a run beside its end.
fn row(run: &RunSummary, zone: &TimeZone) -> [String; 6] {
    let started = Timestamp::from_millisecond(run.row.submitted_ms).map_or_else(
        |_| String::new(),
        |at| {
            at.to_zoned_datetime(zone.clone())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        },
    );
    let took = run.row.finished_ms.map_or_else(String::new, |finished_ms| {
        // The clock on the wall may have been set back meanwhile.
        let ms = finished_ms.saturating_sub(run.row.submitted_ms);
        text::duration(u64::try_from(ms).unwrap_or(0))
    });
    let commit: String = run.commit.chars().take(COMMIT_LENGTH).collect();
    [
        run.id().to_string(),
        text::one_line(&run.pipeline).into_owned(),
        text::one_line(&run.trigger).into_owned(),
        match (run.commit.is_empty(), run.dirty) {
            (true, _) => String::new(),
            (false, true) => format!("{commit}+"),
            (false, false) => commit,
        },
        started,
        took,
    ]
}

fn paint(palette: Palette, status: &RunStatus) -> String {
    match status {
        RunStatus::Alive => palette.note(status.word()),
        RunStatus::Interrupted => palette.warn(status.word()),
        RunStatus::Ended(outcome) => {
            let text = text::one_line(&outcome.to_string()).into_owned();
            match outcome {
                Outcome::Succeeded => palette.good(&text),
                Outcome::Canceled { .. } | Outcome::Skipped { .. } => palette.warn(&text),
                Outcome::Failed { .. } | Outcome::TimedOut { .. } | Outcome::Lost { .. } => {
                    palette.bad(&text)
                }
            }
        }
    }
}

/// A run as an object; fields may be added, those that are there stay.
fn json(run: &RunSummary) -> serde_json::Value {
    serde_json::json!({
        "v": 1,
        "run": run.id(),
        "pipeline": run.pipeline,
        "path": run.path,
        "trigger": run.trigger,
        "commit": run.commit,
        "dirty": run.dirty,
        "by": run.row.by,
        "submitted_ms": run.row.submitted_ms,
        "finished_ms": run.row.finished_ms,
        "status": run.status.word(),
        "outcome": run.row.outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use model::outcome::Failure;
    use model::{RunId, outcome};
    use scheduler::record::RunRow;

    fn summary(run: u64, pipeline: &str, commit: &str, status: RunStatus) -> RunSummary {
        let outcome = match &status {
            RunStatus::Ended(outcome) => Some(outcome.clone()),
            _ => None,
        };
        RunSummary {
            row: RunRow {
                run: RunId(run),
                by: "ann".to_owned(),
                submitted_ms: 1_767_225_600_000 + run as i64 * 60_000,
                selected: None,
                keep_going: false,
                canceled_by: None,
                finished_ms: outcome
                    .as_ref()
                    .map(|_| 1_767_225_612_345 + run as i64 * 60_000),
                outcome,
            },
            pipeline: pipeline.to_owned(),
            path: ".gantry/ci.gantry".to_owned(),
            trigger: "manual".to_owned(),
            commit: commit.to_owned(),
            dirty: run.is_multiple_of(2),
            status,
        }
    }

    fn runs() -> Vec<RunSummary> {
        let failed = Outcome::Failed {
            failure: Failure::Inner { n_failed: 2 },
        };
        let canceled = outcome::Outcome::Canceled {
            by: "Ctrl-C".to_owned(),
        };
        vec![
            summary(10, "ci", "3f2c1ab97e00", RunStatus::Alive),
            summary(
                9,
                "re\nlease",
                "3f2c1ab97e00",
                RunStatus::Ended(Outcome::Succeeded),
            ),
            summary(8, "ci", "", RunStatus::Ended(failed)),
            summary(7, "ci", "3f2c1ab97e00", RunStatus::Ended(canceled)),
            summary(6, "ci", "3f2c1ab97e00", RunStatus::Interrupted),
        ]
    }

    #[test]
    fn for_people() {
        let mut out = Vec::new();
        write_table(&mut out, Palette::PLAIN, &runs(), &TimeZone::UTC).unwrap();
        assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        10  ci         manual  3f2c1ab97+  2026-01-01 00:10         running
         9  re\nlease  manual  3f2c1ab97   2026-01-01 00:09  12.3s  succeeded
         8  ci         manual              2026-01-01 00:08  12.3s  failed: 2 jobs failed
         7  ci         manual  3f2c1ab97   2026-01-01 00:07  12.3s  canceled: by Ctrl-C
         6  ci         manual  3f2c1ab97+  2026-01-01 00:06         interrupted
        ");
    }

    #[test]
    fn for_programs() {
        assert_snapshot!(json(&runs()[2]), @r#"
        {"by":"ann","commit":"","dirty":true,"finished_ms":1767226092345,"outcome":{"failure":{"failure":"inner","n_failed":2},"outcome":"failed"},"path":".gantry/ci.gantry","pipeline":"ci","run":8,"status":"failed","submitted_ms":1767226080000,"trigger":"manual","v":1}
        "#);
    }
}
