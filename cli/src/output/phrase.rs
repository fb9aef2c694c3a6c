//! What the printers for people say in the same words: how a run begins, how a job ends.

use super::Display;
use super::text::{count, duration, one_line};
use super::view::{JobView, Phase, RunView};
use model::event::{EventKind, StepEnd};
use model::outcome::Outcome;
use model::plan::Event;

/// How much of a commit's name is shown; enough to be unique in most repositories.
const COMMIT_LENGTH: usize = 9;

/// The first line of a run.
#[must_use]
pub fn run_started(
    view: &RunView,
    display: &Display,
    trigger: &str,
    commit: &str,
    n_jobs: u32,
) -> String {
    let Event { dirty, .. } = view.plan.event;
    let title = format!("run {} of {}", view.run, one_line(&view.plan.pipeline));
    let commit = match (commit, dirty) {
        ("", _) => String::new(),
        (commit, dirty) => {
            let end = commit.len().min(COMMIT_LENGTH);
            let short = commit.get(..end).unwrap_or(commit);
            let work = if dirty { " with uncommitted work" } else { "" };
            format!(" at {}{work}", one_line(short))
        }
    };
    format!(
        "{}: {}, {}{commit}",
        display.palette.strong(&title),
        count(n_jobs as usize, "job"),
        one_line(trigger)
    )
}

/// How a job ended, with the time that it took and its reason, and where: without its name.
#[must_use]
pub fn job_ended(view: &RunView, display: &Display, job: &JobView) -> String {
    let palette = display.palette;
    let Phase::Ended {
        outcome,
        allowed,
        took_ms,
        ..
    } = &job.phase
    else {
        return String::new();
    };
    let took = match job.attempt {
        0 => String::new(),
        _ => format!(" in {}", duration(*took_ms)),
    };
    let reason = outcome.reason();
    let reason = match reason.lines().next() {
        None => String::new(),
        Some(reason) => format!(": {}", one_line(reason)),
    };
    let text = format!("{}{took}{reason}", outcome.word());
    match (outcome, job.failed_step()) {
        (Outcome::Succeeded, _) => text,
        (Outcome::Skipped { .. }, _) => palette.dim(&text),
        (_, _) if *allowed => palette.warn(&format!("{text}, which is allowed")),
        (_, None) => palette.bad(&text),
        (_, Some(step)) => {
            let place = view.link(step.place);
            format!("{} at {}", palette.bad(&text), palette.note(&place))
        }
    }
}

/// How a step ended, with a sign, where that is worth a line.
#[must_use]
pub fn step_ended(display: &Display, end: &StepEnd) -> Option<(String, String)> {
    let palette = display.palette;
    let bad = |text: &str| Some((palette.bad("✗"), palette.bad(&one_line(text))));
    match end {
        // The job says so too, or another step begins.
        StepEnd::Succeeded | StepEnd::Stopped => None,
        StepEnd::Exit { code } => bad(&format!("exit code {code}")),
        StepEnd::Signal { signal } => bad(&format!("ended by signal {signal}")),
        StepEnd::Error { message } => bad(message),
        StepEnd::TimedOut => bad("timed out"),
        StepEnd::Skipped { condition } => {
            let text = format!("skipped: `when = {}` is false", one_line(condition));
            Some((palette.dim("-"), palette.dim(&text)))
        }
    }
}

/// Why and when a job is tried again; empty for other events.
#[must_use]
pub fn job_retried(display: &Display, event: &EventKind) -> String {
    let EventKind::JobRetried {
        attempt,
        outcome,
        delay_ms,
        ..
    } = event
    else {
        return String::new();
    };
    let when = match delay_ms {
        0 => "trying again".to_owned(),
        ms => format!("trying again in {}", duration(*ms)),
    };
    let text = format!(
        "attempt {attempt} {}; {when}",
        one_line(&outcome.to_string())
    );
    display.palette.warn(&text)
}
