//! The picture of a running run: what runs and what it said last, and how far the rest is.

use super::Display;
use super::sanitize;
use super::screen::Row;
use super::text::{count, duration, pad, width};
use super::view::{JobView, Phase, RunView};
use model::ids::{AttemptId, JobId};
use model::outcome::Outcome;
use std::collections::BTreeMap;

/// The spinning sign of a running job, one picture per tick.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// The widest column of names.
const MAX_NAME: usize = 32;

/// How many rows of the terminal are left to what stands above, and to the cursor: what has failed
/// stays in sight.
const KEPT_ROWS: usize = 4;

/// How many reasons of waiting are told.
const MAX_REASONS: usize = 3;

/// The size of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its width.
    pub columns: usize,
    /// Its height.
    pub rows: usize,
}

impl Size {
    /// The terminal's own, or that of the smallest that people use.
    #[must_use]
    pub fn of_terminal() -> Self {
        let (columns, rows) = terminal_size::terminal_size().map_or((80, 24), |(width, height)| {
            (width.0.into(), height.0.into())
        });
        Self { columns, rows }
    }
}

/// The last lines of running jobs, read again only when a log has grown.
#[derive(Debug, Default)]
pub struct LastLines(BTreeMap<AttemptId, (u64, String)>);

impl LastLines {
    fn of(&mut self, display: &Display, attempt: AttemptId, job: &JobView) -> &str {
        // What the step before said is not what this one does.
        let from = job
            .steps
            .values()
            .next_back()
            .map_or(0, |step| step.log_from);
        let known = self.0.entry(attempt).or_default();
        if known.0 != job.log_length {
            let line = (job.log_length > from)
                .then(|| display.logs.last_line(attempt, job.log_length))
                .flatten();
            // Tabs would break the row.
            let line = line.map(|line| sanitize::line(&line, false).replace('\t', " "));
            *known = (job.log_length, line.unwrap_or_default());
        }
        known.1.trim()
    }

    /// Forgets the jobs that run no more.
    fn retain(&mut self, running: &[(JobId, &JobView, u64)]) {
        self.0
            .retain(|attempt, _| running.iter().any(|(id, ..)| *id == attempt.job));
    }
}

/// Draws the picture: lines with their widths, fewer than the terminal has rows.
pub fn frame(
    view: &RunView,
    display: &Display,
    last_lines: &mut LastLines,
    now_ms: u64,
    started_ms: u64,
    size: Size,
) -> Vec<(String, usize)> {
    // One column is left free: a full line makes some terminals go on to the next one.
    let columns = size.columns.saturating_sub(1);
    let mut running: Vec<_> = view
        .jobs
        .iter()
        .filter_map(|(id, job)| match job.phase {
            Phase::Running { since_ms } => Some((*id, job, since_ms)),
            _ => None,
        })
        .collect();
    running.sort_by_key(|&(id, _, since_ms)| (since_ms, id));
    last_lines.retain(&running);
    let room = size.rows.saturating_sub(KEPT_ROWS);
    // Beside them: a line for those that don't fit, and the last line.
    let n_shown = match running.len() < room {
        true => running.len(),
        false => room.saturating_sub(2),
    };
    let shown = &running[..n_shown];
    let names = shown.iter().map(|(_, job, _)| width(&job.name));
    let name_width = names.max().unwrap_or(0).min(MAX_NAME);
    let spinner = SPINNER[(now_ms / super::TICK_MS) as usize % SPINNER.len()];
    let palette = display.palette;
    let mut lines = Vec::with_capacity(n_shown + 2);
    for (id, job, since_ms) in shown {
        let mut row = Row::default();
        row.add(&format!("  {spinner} "), columns, |text| palette.note(text));
        row.add(&pad(&job.name, name_width), columns, |text| {
            palette.strong(text)
        });
        let elapsed = duration_in_seconds(now_ms.saturating_sub(*since_ms));
        row.add(&format!("  {elapsed:>7}  "), columns, str::to_owned);
        let said = last_lines.of(display, view.attempt(*id), job);
        let said = match (said, job.steps.values().next_back()) {
            ("", Some(step)) => format!("▶ {}", step.name),
            (said, _) => said.to_owned(),
        };
        row.add(&said, columns, |text| palette.dim(text));
        lines.push(row.finish());
    }
    if n_shown < running.len() {
        let mut row = Row::default();
        let more = format!("  … and {} more running", running.len() - n_shown);
        row.add(&more, columns, |text| palette.dim(text));
        lines.push(row.finish());
    }
    let mut row = Row::default();
    let elapsed = duration_in_seconds(now_ms.saturating_sub(started_ms));
    row.add(&format!("{elapsed}  "), columns, |text| {
        palette.strong(text)
    });
    row.add(&counts(view, running.len()), columns, str::to_owned);
    lines.push(row.finish());
    lines
}

/// How far the run is: `3 succeeded · 1 failed · 2 running · 4 waiting (2 for a slot, 2 for test)`.
fn counts(view: &RunView, n_running: usize) -> String {
    let mut ended: BTreeMap<(u8, &str), usize> = BTreeMap::new();
    for job in view.jobs.values() {
        let key = match job.outcome() {
            None => continue,
            Some((Outcome::Succeeded, _)) | Some((_, true)) => (1, "succeeded"),
            Some((Outcome::Skipped { .. }, _)) => (2, "skipped"),
            Some((outcome, false)) => (0, outcome.word()),
        };
        *ended.entry(key).or_default() += 1;
    }
    let mut parts: Vec<String> = ended
        .iter()
        .map(|((_, word), n)| format!("{n} {word}"))
        .collect();
    if n_running > 0 {
        parts.push(format!("{n_running} running"));
    }
    let waiting = waiting(view);
    let n_waiting: usize = waiting.iter().map(|(_, n)| n).sum();
    if n_waiting > 0 {
        let reasons: Vec<_> = waiting
            .iter()
            .take(MAX_REASONS)
            .map(|(reason, n)| match waiting.len() {
                1 => (*reason).to_owned(),
                _ => format!("{n} {reason}"),
            })
            .collect();
        let more = if waiting.len() > MAX_REASONS {
            ", …"
        } else {
            ""
        };
        parts.push(format!(
            "{n_waiting} waiting ({}{more})",
            reasons.join(", ")
        ));
    }
    match parts.is_empty() {
        true => count(view.jobs.len(), "job"),
        false => parts.join(" · "),
    }
}

/// Why jobs wait, and how many for each reason, most first.
fn waiting(view: &RunView) -> Vec<(String, usize)> {
    let unfinished = view.unfinished();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for job in view.jobs.values() {
        let reason = match &job.phase {
            Phase::Waiting => match view.waits_for(job, &unfinished) {
                Some(name) => format!("for {}", super::text::one_line(name)),
                None => "for their turn".to_owned(),
            },
            Phase::Ready => "for a slot".to_owned(),
            Phase::Retrying => "to try again".to_owned(),
            Phase::Running { .. } | Phase::Ended { .. } => continue,
        };
        *reasons.entry(reason).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    reasons
}

/// A time that is still going on: in tenths of seconds from the start, so that it only counts up.
fn duration_in_seconds(ms: u64) -> String {
    match ms {
        0..100 => "0.0s".to_owned(),
        _ => duration(ms),
    }
}
