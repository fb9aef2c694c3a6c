//! What a failed step printed, with its place in the pipeline file: whole, or its beginning and end
//! where that would be too much.

use super::Display;
use super::excerpt::Excerpt;
use super::log::LineSplitter;
use super::text::{count, one_line};
use super::view::{JobView, RunView, StepView};
use model::ids::{AttemptId, JobId};
use std::io::{self, Write};

/// Of more failed jobs than this only the names are shown: what follows is mostly the same again.
const MAX_SHOWN: usize = 10;

/// An output up to this length is shown whole: some thousand lines, more than people read.
const WHOLE: u64 = 256 * 1024;

/// How much is shown of the beginning of a longer one: what was started, and with what.
const HEAD: u64 = 32 * 1024;

/// How much is shown of its end, where the error most often is.
const TAIL: u64 = 192 * 1024;

/// Shows all failed jobs of a run.
pub fn write_all(out: &mut dyn Write, display: &Display, view: &RunView) -> io::Result<()> {
    let failed = |(_, job): &(&JobId, &JobView)| {
        job.has_failed()
            && job
                .outcome()
                .is_some_and(|(outcome, _)| outcome.is_failure())
    };
    let n_failed = view.jobs.iter().filter(failed).count();
    for (id, job) in view.jobs.iter().filter(failed).take(MAX_SHOWN) {
        write_job(out, display, view, *id, job)?;
    }
    if n_failed > MAX_SHOWN {
        let more = count(n_failed - MAX_SHOWN, "more failed job");
        writeln!(
            out,
            "{}",
            display.palette.dim(&format!("… and {more}, listed below"))
        )?;
        writeln!(out)?;
    }
    Ok(())
}

fn write_job(
    out: &mut dyn Write,
    display: &Display,
    view: &RunView,
    id: JobId,
    job: &JobView,
) -> io::Result<()> {
    let palette = display.palette;
    let Some((outcome, _)) = job.outcome() else {
        return Ok(());
    };
    let headline = format!("✗ {} {}", job.name, outcome.word());
    let reason = outcome.reason();
    let mut reason = reason.lines();
    write!(out, "{}", palette.bad(&headline))?;
    if let Some(first) = reason.next() {
        write!(out, "{}", palette.bad(&format!(": {}", one_line(first))))?;
    }
    writeln!(out)?;
    for line in reason {
        writeln!(out, "  {}", one_line(line))?;
    }
    let place = match job.failed_step() {
        Some(step) => step.place,
        None => view.plan.node(job.node).place,
    };
    write!(out, "  at {}", palette.note(&view.link(place)))?;
    match job.failed_step() {
        Some(step) => {
            writeln!(out, " in {}", palette.strong(&step.name))?;
            write_output(out, display, view.attempt(id), job, step)?;
        }
        None => writeln!(out)?,
    }
    writeln!(out)
}

fn write_output(
    out: &mut dyn Write,
    display: &Display,
    attempt: AttemptId,
    job: &JobView,
    step: &StepView,
) -> io::Result<()> {
    let palette = display.palette;
    let gutter = palette.dim("  │ ");
    let from = step.log_from;
    let to = step.end.as_ref().map_or(job.log_length, |(_, to)| *to);
    if to <= from {
        return writeln!(out, "{gutter}{}", palette.dim("(it printed nothing)"));
    }
    let mut file = match display.logs.open(attempt) {
        Ok(file) => file,
        Err(error) => {
            return writeln!(
                out,
                "{gutter}{}",
                palette.dim(&format!("(no log: {error})"))
            );
        }
    };
    let mut excerpt = Excerpt {
        out,
        prefix: &gutter,
        palette,
        command: &display.logs_command(attempt.run, &job.name),
    };
    let mut lines = LineSplitter::default();
    match to - from > WHOLE {
        false => excerpt.stretch(&mut file, from, to, &mut lines)?,
        true => excerpt.head_and_tail(&mut file, (from, to), (HEAD, TAIL), &mut lines)?,
    }
    excerpt.finish(&mut lines)
}
