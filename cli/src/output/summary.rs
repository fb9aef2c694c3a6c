//! The end of a run: which jobs ended how, what took so long, and the verdict.

use super::Display;
use super::sanitize;
use super::text::{count, duration, fit, one_line, pad, width};
use super::view::{JobView, Phase, RunView};
use dsl::schema::{EVENTS, EventKind, FieldType};
use model::ids::{JobId, NodeId};
use model::outcome::{Outcome, SkipReason};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Up to so many jobs each has its row, so that the table fits on a screen.
const MAX_ROWS: usize = 40;

/// Of more jobs, so many of those that did not succeed are listed one by one.
const MAX_FAILED_ROWS: usize = 20;

/// … and so many reasons of skipping, each with how many jobs it holds for.
const MAX_SKIP_REASONS: usize = 10;

/// … and so many of the slowest.
const N_SLOWEST: usize = 5;

/// How many jobs of the critical path are named; the rest of a longer one is the shortest.
const MAX_PATH: usize = 8;

/// The widest name column; longer names push their row to the right instead of the whole table.
const MAX_NAME: usize = 32;

/// How many columns the last line of a job's output may take.
const MAX_LAST_LINE: usize = 72;

/// Shows how the run ended. The verdict comes last, where the eye is.
pub fn write(out: &mut dyn Write, display: &Display, view: &RunView) -> io::Result<()> {
    match view.jobs.len() {
        0..=MAX_ROWS => write_table(out, display, view, view.jobs.iter())?,
        _ => write_digest(out, display, view)?,
    }
    writeln!(out)?;
    write_critical_path(out, display, view)?;
    write_hints(out, display, view)?;
    write_verdict(out, display, view)
}

fn write_table<'v>(
    out: &mut dyn Write,
    display: &Display,
    view: &RunView,
    jobs: impl Iterator<Item = (&'v JobId, &'v JobView)> + Clone,
) -> io::Result<()> {
    let names = jobs.clone().map(|(_, job)| width(&job.name));
    let name_width = names.max().unwrap_or(0).min(MAX_NAME);
    let took = |job: &JobView| match &job.phase {
        Phase::Ended { took_ms, .. } if job.attempt > 0 => duration(*took_ms),
        _ => String::new(),
    };
    let times = jobs.clone().map(|(_, job)| width(&took(job)));
    let time_width = times.max().unwrap_or(0);
    for (id, job) in jobs {
        let remark = remark(display, view, *id, job);
        let row = format!(
            "  {} {}  {:>time_width$}  {remark}",
            symbol(display, job),
            pad(&job.name, name_width),
            took(job),
        );
        writeln!(out, "{}", row.trim_end())?;
    }
    Ok(())
}

/// What is worth knowing of a job beside its time: why it failed or was skipped, else what it said
/// last.
fn remark(display: &Display, view: &RunView, id: JobId, job: &JobView) -> String {
    let palette = display.palette;
    let Some((outcome, allowed)) = job.outcome() else {
        return palette.dim("not ended");
    };
    let attempts = match job.attempt {
        0 | 1 => String::new(),
        n => palette.warn(&format!(" (attempt {n})")),
    };
    match outcome {
        Outcome::Succeeded => {
            let attempt = view.attempt(id);
            let last = (job.log_length > 0)
                .then(|| display.logs.last_line(attempt, job.log_length))
                .flatten();
            let last = last.map_or_else(String::new, |line| sanitize::line(&line, false));
            format!(
                "{}{attempts}",
                palette.dim(&fit(last.trim(), MAX_LAST_LINE))
            )
        }
        Outcome::Skipped { reason } => palette.dim(&one_line(&reason.to_string())),
        failed => {
            let place = match job.failed_step() {
                Some(step) => format!("  {}", palette.note(&view.link(step.place))),
                None => String::new(),
            };
            let text = first_line(&failed.reason());
            match allowed {
                true => palette.warn(&format!("{}: {text}, which is allowed", failed.word())),
                false => {
                    let text = match failed {
                        Outcome::Failed { .. } => text,
                        other => format!("{} {text}", other.word()),
                    };
                    format!("{}{attempts}{place}", palette.bad(&text))
                }
            }
        }
    }
}

/// The sign of a job's end.
pub fn symbol(display: &Display, job: &JobView) -> String {
    let palette = display.palette;
    match job.outcome() {
        None => " ".to_owned(),
        Some((Outcome::Succeeded, _)) => palette.good("✓"),
        Some((_, true)) => palette.warn("!"),
        Some((Outcome::Skipped { reason }, _)) => match reason.is_not_applicable() {
            true => palette.dim("-"),
            false => palette.warn("-"),
        },
        Some((Outcome::Canceled { .. }, _)) => palette.warn("✗"),
        Some(_) => palette.bad("✗"),
    }
}

/// A run of many jobs: those that did not succeed, and the slowest.
fn write_digest(out: &mut dyn Write, display: &Display, view: &RunView) -> io::Result<()> {
    let palette = display.palette;
    let failed = |(_, job): &(&JobId, &JobView)| job.has_failed();
    write_table(
        out,
        display,
        view,
        view.jobs.iter().filter(failed).take(MAX_FAILED_ROWS),
    )?;
    let n_failed = view.jobs.iter().filter(failed).count();
    if n_failed > MAX_FAILED_ROWS {
        let more = format!("  … and {} more", n_failed - MAX_FAILED_ROWS);
        writeln!(out, "{}", palette.dim(&more))?;
    }
    let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
    for job in view.jobs.values() {
        if let Some((Outcome::Skipped { reason }, _)) = job.outcome() {
            *skipped.entry(reason.to_string()).or_default() += 1;
        }
    }
    for (reason, n) in skipped.iter().take(MAX_SKIP_REASONS) {
        let line = format!("- {} skipped: {}", count(*n, "job"), one_line(reason));
        writeln!(out, "  {}", palette.dim(&line))?;
    }
    if skipped.len() > MAX_SKIP_REASONS {
        let more = count(skipped.len() - MAX_SKIP_REASONS, "more reason");
        writeln!(out, "  {}", palette.dim(&format!("- … {more}")))?;
    }
    let mut slowest: Vec<_> = view
        .jobs
        .iter()
        .filter(|(_, job)| job.attempt > 0 && job.outcome().is_some() && !job.has_failed())
        .collect();
    slowest.sort_by_key(|(_, job)| std::cmp::Reverse(took_ms(job)));
    slowest.truncate(N_SLOWEST);
    writeln!(
        out,
        "{}",
        palette.dim("  the slowest of those that succeeded:")
    )?;
    write_table(out, display, view, slowest.into_iter())
}

fn write_critical_path(out: &mut dyn Write, display: &Display, view: &RunView) -> io::Result<()> {
    let path = critical_path(view);
    // One job is its own critical path; the table says how long it took.
    if path.len() < 2 {
        return Ok(());
    }
    let total: u64 = path.iter().map(|job| took_ms(job)).sum();
    let n_left_out = path.len().saturating_sub(MAX_PATH);
    // Of a long path the shortest jobs are left out, wherever they stand.
    let mut by_time: Vec<_> = (0..path.len()).collect();
    by_time.sort_by_key(|&at| took_ms(path[at]));
    let left_out = &by_time[..n_left_out];
    let mut names: Vec<String> = Vec::new();
    for (at, job) in path.iter().enumerate() {
        if !left_out.contains(&at) {
            names.push(format!("{} {}", job.name, duration(took_ms(job))));
        } else if names.last().is_none_or(|last| last != "…") {
            names.push("…".to_owned());
        }
    }
    writeln!(
        out,
        "critical path {}: {}",
        duration(total),
        display.palette.dim(&names.join(" → "))
    )
}

/// The chain of jobs, each needing the one before, that takes longest: with any number of slots the
/// run would not have been quicker.
fn critical_path(view: &RunView) -> Vec<&JobView> {
    let ran = |job: &&JobView| job.attempt > 0 && job.has_ended();
    let mut jobs: Vec<_> = view.jobs.values().filter(ran).collect();
    // What a job needs has ended before it.
    jobs.sort_by_key(|job| ended_ms(job));
    // For each job the length of its longest chain, and the job before it in that.
    let mut chains: Vec<(u64, Option<usize>)> = Vec::with_capacity(jobs.len());
    // The job with the longest chain of each node, and of each stage of those in it.
    let mut longest: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (at, job) in jobs.iter().enumerate() {
        let before = view
            .predecessors(job.node)
            .filter_map(|node| longest.get(&node).copied())
            .max_by_key(|&before| chains[before].0);
        let length = took_ms(job) + before.map_or(0, |before| chains[before].0);
        chains.push((length, before));
        for node in std::iter::once(job.node).chain(view.plan.ancestors(job.node)) {
            let known = longest.entry(node).or_insert(at);
            if chains[*known].0 < length {
                *known = at;
            }
        }
    }
    let mut path = Vec::new();
    let mut next = (0..jobs.len()).max_by_key(|&at| chains[at].0);
    while let Some(at) = next {
        path.push(jobs[at]);
        next = chains[at].1;
    }
    path.reverse();
    path
}

/// Where a condition asked what started the run, and nobody has said it: how to be something else at
/// a desk.
fn write_hints(out: &mut dyn Write, display: &Display, view: &RunView) -> io::Result<()> {
    const KINDS: &[EventKind] = &EVENTS;
    let kind = &view.plan.event.kind;
    if kind != "manual" {
        return Ok(());
    }
    let asked = view.jobs.values().find_map(|job| match job.outcome() {
        Some((
            Outcome::Skipped {
                reason: SkipReason::When { condition },
            },
            _,
        )) if condition.contains("event.") => {
            let is_named = |other: &&str| condition.contains(&format!("\"{other}\""));
            let mut others = KINDS.iter().filter(|other| other.name != kind);
            Some((job, others.find(|other| is_named(&other.name))?))
        }
        _ => None,
    });
    let Some((job, trigger)) = asked else {
        return Ok(());
    };
    // `push` means something by itself, `label` only with the label.
    let has_value = trigger.fields.iter().any(|field| {
        field.name == trigger.name && matches!(field.ty, FieldType::String | FieldType::Untrusted)
    });
    let trigger = match has_value {
        true => format!("{}=…", trigger.name),
        false => trigger.name.to_owned(),
    };
    writeln!(
        out,
        "{} {} is not for the trigger `{}`; `--trigger {trigger}` acts as if it were another",
        display.palette.note("hint:"),
        job.name,
        one_line(kind),
    )
}

fn write_verdict(out: &mut dyn Write, display: &Display, view: &RunView) -> io::Result<()> {
    let palette = display.palette;
    let Some((outcome, took_ms)) = &view.end else {
        return Ok(());
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (outcome, allowed) in view.jobs.values().filter_map(JobView::outcome) {
        let word = match outcome {
            outcome if allowed && !outcome.is_success() => "failed as allowed",
            outcome => outcome.word(),
        };
        *counts.entry(word).or_default() += 1;
    }
    const ORDER: [&str; 7] = [
        "failed",
        "timed out",
        "lost",
        "canceled",
        "failed as allowed",
        "succeeded",
        "skipped",
    ];
    let counted: Vec<_> = ORDER
        .iter()
        .filter_map(|word| counts.get(word).map(|n| format!("{n} {word}")))
        .collect();
    let paint = |text: &str| match outcome {
        Outcome::Succeeded => palette.good(text),
        Outcome::Canceled { .. } | Outcome::Skipped { .. } => palette.warn(text),
        _ => palette.bad(text),
    };
    let why = match outcome {
        // How many jobs failed is counted anyway.
        Outcome::Succeeded
        | Outcome::Failed {
            failure: model::Failure::Inner { .. },
        } => String::new(),
        outcome => match first_line(&outcome.reason()) {
            reason if reason.is_empty() => reason,
            reason => format!(" ({reason})"),
        },
    };
    writeln!(
        out,
        "{} in {}{why}: {}",
        paint(&format!(
            "run {} of {} {}",
            view.run,
            one_line(&view.plan.pipeline),
            outcome.word()
        )),
        duration(*took_ms),
        match counted.is_empty() {
            true => "no jobs".to_owned(),
            false => counted.join(", "),
        }
    )
}

fn first_line(text: &str) -> String {
    one_line(text.lines().next().unwrap_or_default()).into_owned()
}

fn took_ms(job: &JobView) -> u64 {
    match &job.phase {
        Phase::Ended { took_ms, .. } => *took_ms,
        _ => 0,
    }
}

fn ended_ms(job: &JobView) -> u64 {
    match &job.phase {
        Phase::Ended { at_ms, .. } => *at_ms,
        _ => 0,
    }
}
