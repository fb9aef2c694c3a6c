//! For pipes and CI: one line per thing that happens, each with the name of its job, and the logs as
//! they grow, up to a rate at which somebody could still read them.

use super::excerpt::Excerpt;
use super::log::LineSplitter;
use super::text::{pad, width};
use super::view::RunView;
use super::{Display, Printer, failure, phrase, summary};
use model::event::{Event, EventKind};
use model::ids::{AttemptId, JobId};
use model::plan::Plan;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

/// How much of a job's log is shown live without a gap: more than most jobs print at all.
const BURST: u64 = 1 << 20;

/// How much more may be shown per second. What comes faster has gaps; the log on disk has none.
const RATE_PER_S: u64 = 64 * 1024;

/// A job in arrears waits until it may show this much, so that its gaps are few.
const WORTHWHILE: u64 = RATE_PER_S;

/// What is shown in any case where a step or job ends.
const LAST_WORDS: u64 = 8 * 1024;

/// The widest column of names; longer ones push their lines to the right.
const MAX_NAME: usize = 24;

/// Prints lines.
#[derive(Debug)]
pub struct Plain<W> {
    out: W,
    display: Display,
    view: RunView,
    tails: BTreeMap<JobId, Tail>,
    name_width: usize,
}

/// How far the log of a running job has been shown.
#[derive(Debug)]
struct Tail {
    attempt: AttemptId,
    file: Option<File>,
    offset: u64,
    lines: LineSplitter,
    /// How much may be shown at once, as of `at_ms`.
    allowance: u64,
    at_ms: u64,
}

impl<W: Write> Plain<W> {
    /// Prints to `out`, which should be buffered.
    pub fn new(out: W, display: Display, plan: Arc<Plan>) -> Self {
        Self {
            out,
            display,
            view: RunView::new(plan),
            tails: BTreeMap::new(),
            name_width: 0,
        }
    }

    /// A line of a job: its name, a sign, a text.
    fn line(&mut self, job: JobId, sign: &str, text: &str) -> io::Result<()> {
        let name = pad(&self.view.name(job), self.name_width);
        writeln!(
            self.out,
            "{} {sign} {text}",
            self.display.palette.note(&name)
        )
    }

    /// Shows the log of a job up to there as far as it may: else it waits, or leaves out the middle.
    fn advance(&mut self, job: JobId, to: u64, now_ms: u64) -> io::Result<()> {
        self.with_tail(job, |tail, excerpt| {
            tail.advance(excerpt, to, false, now_ms)
        })
    }

    /// Shows what is left of a stretch that has ended, also a last line without an end.
    fn drain(&mut self, job: JobId, to: u64, now_ms: u64) -> io::Result<()> {
        self.with_tail(job, |tail, excerpt| {
            tail.advance(excerpt, to, true, now_ms)?;
            excerpt.finish(&mut tail.lines)
        })
    }

    fn with_tail(
        &mut self,
        job: JobId,
        show: impl FnOnce(&mut Tail, &mut Excerpt<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(tail) = self.tails.get_mut(&job) else {
            return Ok(());
        };
        if tail.file.is_none() {
            // A log that can't be read is told of where it is asked for; the run goes on.
            tail.file = self.display.logs.open(tail.attempt).ok();
        }
        let name = self.view.name(job);
        let padded = pad(&name, self.name_width);
        let mut excerpt = Excerpt {
            out: &mut self.out,
            prefix: &format!("{} | ", self.display.palette.note(&padded)),
            palette: self.display.palette,
            command: &self.display.logs_command(tail.attempt.run, &name),
        };
        show(tail, &mut excerpt)
    }
}

impl Tail {
    fn new(attempt: AttemptId, now_ms: u64) -> Self {
        Self {
            attempt,
            file: None,
            offset: 0,
            lines: LineSplitter::default(),
            allowance: BURST,
            at_ms: now_ms,
        }
    }

    fn advance(
        &mut self,
        excerpt: &mut Excerpt<'_>,
        to: u64,
        has_ended: bool,
        now_ms: u64,
    ) -> io::Result<()> {
        self.refill(now_ms);
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let backlog = to.saturating_sub(self.offset);
        if backlog <= self.allowance {
            excerpt.stretch(file, self.offset, to, &mut self.lines)?;
            self.allowance -= backlog;
        } else if self.allowance >= WORTHWHILE || has_ended {
            let half = self.allowance.max(LAST_WORDS) / 2;
            let whole = (self.offset, to);
            excerpt.head_and_tail(file, whole, (half, half), &mut self.lines)?;
            self.allowance = 0;
        } else {
            return Ok(());
        }
        self.offset = self.offset.max(to);
        Ok(())
    }

    fn refill(&mut self, now_ms: u64) {
        let more = now_ms.saturating_sub(self.at_ms).saturating_mul(RATE_PER_S) / 1000;
        // Kept until it counts, or many small steps of time would be lost in the division.
        if more > 0 {
            self.allowance = self.allowance.saturating_add(more).min(BURST);
            self.at_ms = now_ms;
        }
    }
}

impl<W: Write> Printer for Plain<W> {
    fn event(&mut self, event: &Event, now_ms: u64) -> io::Result<()> {
        self.view.apply(event, now_ms);
        match &event.kind {
            EventKind::RunStarted {
                trigger,
                commit,
                n_jobs,
                ..
            } => {
                let text = phrase::run_started(&self.view, &self.display, trigger, commit, *n_jobs);
                writeln!(self.out, "{text}")
            }
            EventKind::JobCreated { job, .. } => {
                let name = width(&self.view.name(*job)).min(MAX_NAME);
                self.name_width = self.name_width.max(name);
                Ok(())
            }
            EventKind::JobStarted { job, .. } => {
                let tail = Tail::new(self.view.attempt(*job), now_ms);
                self.tails.insert(*job, tail);
                Ok(())
            }
            EventKind::StepStarted {
                job,
                step,
                log_from,
                ..
            } => {
                self.drain(*job, *log_from, now_ms)?;
                let step = self.view.jobs.get(job).and_then(|job| job.steps.get(step));
                let Some(step) = step else {
                    return Ok(());
                };
                let text = self.display.palette.strong(&step.name);
                self.line(*job, "▶", &text)
            }
            EventKind::StepFinished {
                job, log_to, end, ..
            } => {
                self.drain(*job, *log_to, now_ms)?;
                match phrase::step_ended(&self.display, end) {
                    Some((sign, text)) => self.line(*job, &sign, &text),
                    None => Ok(()),
                }
            }
            EventKind::LogGrew { job, length, .. } => self.advance(*job, *length, now_ms),
            EventKind::JobRetried { job, .. } => {
                let length = self.view.jobs.get(job).map_or(0, |job| job.log_length);
                self.drain(*job, length, now_ms)?;
                self.tails.remove(job);
                let text = phrase::job_retried(&self.display, &event.kind);
                self.line(*job, &self.display.palette.warn("↻"), &text)
            }
            EventKind::JobFinished { job, .. } => {
                let Some(view) = self.view.jobs.get(job) else {
                    return Ok(());
                };
                let sign = summary::symbol(&self.display, view);
                let text = phrase::job_ended(&self.view, &self.display, view);
                self.drain(*job, view.log_length, now_ms)?;
                self.tails.remove(job);
                self.line(*job, &sign, &text)
            }
            EventKind::Warning { message } => self.note(message),
            EventKind::RunFinished { .. } => {
                writeln!(self.out)?;
                failure::write_all(&mut self.out, &self.display, &self.view)?;
                summary::write(&mut self.out, &self.display, &self.view)
            }
            EventKind::JobReady { .. } | EventKind::FannedOut { .. } => Ok(()),
        }
    }

    fn note(&mut self, text: &str) -> io::Result<()> {
        let text = super::text::one_line(text);
        writeln!(self.out, "{} {text}", self.display.palette.warn("!"))
    }

    /// What may be shown grows with time; a job in arrears goes on with its next event.
    fn tick(&mut self, _now_ms: u64) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Palette;
    use super::super::log::MAX_LINE;
    use super::super::testing::{Story, eventful, plan};
    use super::*;
    use insta::assert_snapshot;
    use model::Outcome;

    /// What is printed for a story.
    fn check(story: &Story) -> String {
        let mut out = Vec::new();
        let mut plain = Plain::new(&mut out, story.display(), Arc::clone(&story.plan));
        for event in &story.events {
            plain.event(event, event.at_ms as u64).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    /// What is printed, with lines of logs only counted.
    fn check_counted(story: &Story) -> String {
        let mut shown = String::new();
        let mut n_lines = 0;
        for line in check(story).lines() {
            if line.contains(" | ") && !line.contains('…') {
                n_lines += 1;
                continue;
            }
            if n_lines > 0 {
                shown.push_str(&format!("({n_lines} lines)\n"));
                n_lines = 0;
            }
            shown.push_str(line);
            shown.push('\n');
        }
        shown
    }

    /// So many bytes in lines of 64.
    fn lines(n_bytes: usize) -> Vec<u8> {
        let line = [&[b'x'; 63][..], b"\n"].concat();
        line.repeat(n_bytes / 64)
    }

    #[test]
    fn a_run() {
        assert_snapshot!(check(&eventful()), @r#"
        run 17 of ci: 7 jobs, manual at 3f2c1ab97 with uncommitted work
        format      ▶ cargo fmt --check
        lint        ▶ cargo clippy
        format      | all files are as they should be
        format      ✓ succeeded in 0.4s
        test["dsl"] ▶ cargo test --package dsl
        lint        |     Checking model
        lint        |     Checking dsl
        test["dsl"] | running 2 tests
        test["dsl"] | FAILED: parse
        test["dsl"] | expected 1
        lint        |     Finished
        lint        ✓ succeeded in 1.2s
        flaky       ▶ ./flaky
        flaky       ✗ exit code 7
        flaky       ↻ attempt 1 failed: exit code 7; trying again in 2.0s
        test["dsl"] ✗ exit code 101
        test["dsl"] ✗ failed in 1.9s: exit code 101 at .gantry/ci.gantry:31
        package     - skipped: blocked by test["dsl"]
        publish     - skipped: not applicable: `when = event.kind == "push"` is false
        flaky       ▶ ./flaky
        flaky       | no line break at the end
        flaky       ✓ succeeded in 0ms
        experiment  ▶ exit 3
        experiment  ✗ exit code 3
        experiment  ! failed in 10ms: exit code 3, which is allowed
        ! the disk is nearly full

        ✗ test["dsl"] failed: exit code 101
          at .gantry/ci.gantry:31 in cargo test --package dsl
          │ running 2 tests
          │ FAILED: parse
          │ expected 1

          ✓ format       0.4s  all files are as they should be
          ✓ lint         1.2s  Finished
          ✗ test["dsl"]  1.9s  exit code 101  .gantry/ci.gantry:31
          ✓ flaky         0ms  no line break at the end (attempt 2)
          - package            blocked by test["dsl"]
          - publish            not applicable: `when = event.kind == "push"` is false
          ! experiment   10ms  failed: exit code 3, which is allowed

        critical path 2.3s: format 0.4s → test["dsl"] 1.9s
        hint: publish is not for the trigger `manual`; `--trigger push` acts as if it were another
        run 17 of ci failed in 3.3s: 1 failed, 1 failed as allowed, 3 succeeded, 2 skipped
        "#);
    }

    #[test]
    fn what_comes_faster_than_anybody_reads_has_gaps() {
        let mut story = Story::of(plan(&[("loud", &[])]));
        story.start("loud", 1, "yes");
        for _ in 0..8 {
            story.wait(125).print("loud", 1, lines(1 << 20));
        }
        story.wait(10_000).print("loud", 1, "later\n");
        story.succeed("loud", 1);
        story.end_run(Outcome::Succeeded);
        assert_snapshot!(check_counted(&story), @r"
        run 17 of ci: 1 job, manual at 3f2c1ab97 with uncommitted work
        loud ▶ yes
        (21952 lines)
        loud | [… 6.6 MB not shown; all of it: gantry logs 17 loud]
        (5568 lines)
        loud ✓ succeeded in 11.0s

          ✓ loud  11.0s  later

        run 17 of ci succeeded in 11.0s: 1 succeeded
        ");
    }

    #[test]
    fn lines_that_never_end_are_cut() {
        let mut story = Story::of(plan(&[("long", &[])]));
        story
            .start("long", 1, "tr")
            .print("long", 1, vec![b'x'; 5_000])
            .print("long", 1, vec![b'x'; 5_000])
            .print("long", 1, "\nshort")
            .succeed("long", 1);
        let shown = check(&story).replace(&"x".repeat(MAX_LINE), "(x …)");
        assert_snapshot!(shown, @r"
        run 17 of ci: 1 job, manual at 3f2c1ab97 with uncommitted work
        long ▶ tr
        long | (x …) [… 5.9 KB more]
        long | short
        long ✓ succeeded in 0ms
        ");
    }

    #[test]
    fn hostile_names_and_logs() {
        let mut story = Story::of(plan(&[("a\nb\x1b[2J", &[])]));
        story
            .start("a\nb\x1b[2J", 1, "echo\r\n\x1b]0;x\x07")
            .print("a\nb\x1b[2J", 1, b"\x1b[2J\xff\0 | forged succeeded\n")
            .fail("a\nb\x1b[2J", 1, 1)
            .end_run(Outcome::Canceled {
                by: "ann\x1b[31m".to_owned(),
            });
        assert_snapshot!(check(&story), @r"
        run 17 of ci: 1 job, manual at 3f2c1ab97 with uncommitted work
        a\nb\u{1b}[2J ▶ echo\r\n\u{1b}]0;x\u{7}
        a\nb\u{1b}[2J | �␀ | forged succeeded
        a\nb\u{1b}[2J ✗ exit code 1
        a\nb\u{1b}[2J ✗ failed in 0ms: exit code 1 at .gantry/ci.gantry:11

        ✗ a\nb\u{1b}[2J failed: exit code 1
          at .gantry/ci.gantry:11 in echo\r\n\u{1b}]0;x\u{7}
          │ �␀ | forged succeeded

          ✗ a\nb\u{1b}[2J  0ms  exit code 1  .gantry/ci.gantry:11

        run 17 of ci canceled in 0ms (by ann\u{1b}[31m): 1 failed
        ");
    }

    #[test]
    fn colors_of_a_step_are_kept_where_there_are_colors() {
        let mut story = Story::of(plan(&[("a", &[])]));
        story.start("a", 1, "make").print("a", 1, "\x1b[31mred\n");
        let mut out = Vec::new();
        let display = Display {
            palette: Palette::COLORED,
            ..story.display()
        };
        let mut plain = Plain::new(&mut out, display, Arc::clone(&story.plan));
        for event in &story.events {
            plain.event(event, 0).unwrap();
        }
        let shown = String::from_utf8(out).unwrap().replace('\x1b', "^");
        assert_snapshot!(shown, @"
        ^[1mrun 17 of ci^[0m: 1 job, manual at 3f2c1ab97 with uncommitted work
        ^[36ma^[0m ▶ ^[1mmake^[0m
        ^[36ma^[0m | ^[31mred^[0m
        ");
    }

    #[test]
    fn a_log_that_is_not_there() {
        let mut story = Story::of(plan(&[("a", &[])]));
        story.start("a", 1, "true");
        let job = story.job("a");
        story
            .event(EventKind::LogGrew {
                job,
                attempt: 1,
                length: 100,
            })
            .event(EventKind::StepFinished {
                job,
                attempt: 1,
                step: 0,
                end: model::event::StepEnd::Exit { code: 1 },
                log_to: 100,
                took_ms: 1,
            })
            .end(
                "a",
                1,
                Outcome::Failed {
                    failure: model::Failure::Exit { step: 0, code: 1 },
                },
            )
            .end_run(Outcome::Failed {
                failure: model::Failure::Inner { n_failed: 1 },
            });
        let shown = check(&story);
        assert!(shown.contains("(no log: "), "{shown}");
    }
}
