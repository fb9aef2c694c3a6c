//! For a person at a terminal: what runs is drawn live, what went wrong is told at once and shown at
//! the end, with a summary.

use super::live::{LastLines, Size, frame};
use super::screen::Screen;
use super::text::one_line;
use super::view::RunView;
use super::{Display, Printer, failure, phrase, summary};
use model::event::{Event, EventKind};
use model::plan::Plan;
use std::io::{self, Write};
use std::sync::Arc;

/// A run that ends before this needs no live picture; it would only flicker.
const APPEARS_AFTER_MS: u64 = 250;

/// Prints for people.
#[derive(Debug)]
pub struct Human<W> {
    screen: Screen<W>,
    display: Display,
    view: RunView,
    /// Lines that stay, not yet written: they go out with the next picture, or when no more events
    /// wait where there is none.
    pending: Vec<u8>,
    last_lines: LastLines,
    started_ms: Option<u64>,
    /// The size of the terminal; absent where nothing is redrawn.
    size: Option<fn() -> Size>,
}

impl<W: Write> Human<W> {
    /// Prints to `out`; draws live where `redraw`.
    pub fn new(out: W, display: Display, plan: Arc<Plan>, redraw: bool) -> Self {
        Self {
            screen: Screen::new(out),
            display,
            view: RunView::new(plan),
            pending: Vec::new(),
            last_lines: LastLines::default(),
            started_ms: None,
            size: redraw.then_some(Size::of_terminal as fn() -> Size),
        }
    }

    /// With a terminal of this size.
    #[cfg(test)]
    pub fn with_size(mut self, size: fn() -> Size) -> Self {
        self.size = Some(size);
        self
    }

    fn line(&mut self, sign: &str, text: &str) -> io::Result<()> {
        writeln!(self.pending, "{sign} {text}")
    }

    /// Writes what is pending; ends the live picture.
    fn finish(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        match (self.screen.is_drawn(), self.size) {
            (true, Some(size)) => self.screen.draw(&pending, &[], size().columns),
            _ => self.screen.write(&pending),
        }
    }
}

impl<W: Write> Printer for Human<W> {
    fn event(&mut self, event: &Event, now_ms: u64) -> io::Result<()> {
        self.view.apply(event, now_ms);
        let palette = self.display.palette;
        match &event.kind {
            EventKind::RunStarted {
                trigger,
                commit,
                n_jobs,
                ..
            } => {
                self.started_ms = Some(now_ms);
                let text = phrase::run_started(&self.view, &self.display, trigger, commit, *n_jobs);
                writeln!(self.pending, "{text}")
            }
            EventKind::JobRetried { job, .. } => {
                let text = phrase::job_retried(&self.display, &event.kind);
                let text = format!("{} {text}", self.view.name(*job));
                self.line(&palette.warn("↻"), &text)
            }
            EventKind::JobFinished { job, .. } => {
                let Some(job) = self.view.jobs.get(job).filter(|job| job.has_failed()) else {
                    return Ok(());
                };
                let ended = phrase::job_ended(&self.view, &self.display, job);
                let sign = summary::symbol(&self.display, job);
                let text = format!("{} {ended}", job.name);
                self.line(&sign, &text)
            }
            EventKind::Warning { message } => self.note(message),
            EventKind::RunFinished { .. } => {
                writeln!(self.pending)?;
                failure::write_all(&mut self.pending, &self.display, &self.view)?;
                summary::write(&mut self.pending, &self.display, &self.view)?;
                self.finish()
            }
            EventKind::JobCreated { .. }
            | EventKind::JobReady { .. }
            | EventKind::JobStarted { .. }
            | EventKind::StepStarted { .. }
            | EventKind::StepFinished { .. }
            | EventKind::LogGrew { .. }
            | EventKind::FannedOut { .. } => Ok(()),
        }
    }

    fn note(&mut self, text: &str) -> io::Result<()> {
        let sign = self.display.palette.warn("!");
        self.line(&sign, &one_line(text))
    }

    fn tick(&mut self, now_ms: u64) -> io::Result<()> {
        let (Some(size), Some(started_ms), None) = (self.size, self.started_ms, &self.view.end)
        else {
            return Ok(());
        };
        if now_ms.saturating_sub(started_ms) < APPEARS_AFTER_MS {
            return Ok(());
        }
        let size = size();
        let frame = frame(
            &self.view,
            &self.display,
            &mut self.last_lines,
            now_ms,
            started_ms,
            size,
        );
        let pending = std::mem::take(&mut self.pending);
        self.screen.draw(&pending, &frame, size.columns)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Under a picture they wait for the next one, which is at most a tick away.
        match self.screen.is_drawn() || self.pending.is_empty() {
            true => Ok(()),
            false => self.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, Story, eventful, plan};
    use super::*;
    use insta::assert_snapshot;
    use model::{Failure, Outcome};
    use std::num::NonZeroU16;

    const SIZE: Size = Size {
        columns: 80,
        rows: 10,
    };

    /// What is printed for a story where nothing is redrawn.
    fn check(story: &Story) -> String {
        let mut out = Vec::new();
        let mut human = Human::new(&mut out, story.display(), Arc::clone(&story.plan), false);
        for event in &story.events {
            human.event(event, event.at_ms as u64).unwrap();
            human.flush().unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    /// What the terminal shows before each event that time passed before.
    fn check_live(story: &Story) -> String {
        let cells = |n: usize| NonZeroU16::new(n as u16).unwrap();
        let mut terminal = vt100::Parser::new(cells(SIZE.rows), cells(SIZE.columns), 0);
        let mut shown = String::new();
        let mut now_ms = 0;
        let out = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let mut human = Human::new(
            testing::Shared(std::rc::Rc::clone(&out)),
            story.display(),
            Arc::clone(&story.plan),
            true,
        )
        .with_size(|| SIZE);
        for event in &story.events {
            if event.at_ms > now_ms {
                now_ms = event.at_ms;
                human.tick(now_ms as u64).unwrap();
                terminal.process(&out.take());
                let screen = terminal.screen().contents();
                shown.push_str(&format!("--- after {now_ms} ms\n{screen}\n"));
            }
            human.event(event, event.at_ms as u64).unwrap();
            human.flush().unwrap();
        }
        shown
    }

    #[test]
    fn a_run() {
        assert_snapshot!(check(&eventful()), @r#"
        run 17 of ci: 7 jobs, manual at 3f2c1ab97 with uncommitted work
        ↻ flaky attempt 1 failed: exit code 7; trying again in 2.0s
        ✗ test["dsl"] failed in 1.9s: exit code 101 at .gantry/ci.gantry:31
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
    fn a_failed_step_that_printed_too_much() {
        let mut story = Story::of(plan(&[("loud", &[])]));
        story
            .start("loud", 1, "yes; false")
            .print("loud", 1, b"what was started\n")
            .print("loud", 1, b"line after line\n".repeat(40_000))
            .print("loud", 1, b"what went wrong\n")
            .fail("loud", 1, 1)
            .end_run(Outcome::Failed {
                failure: Failure::Inner { n_failed: 1 },
            });
        let shown = check(&story);
        assert!(shown.len() < 400 * 1024);
        let kept = |line: &&str| !line.ends_with("line after line");
        let shown: Vec<_> = shown.lines().filter(kept).collect();
        assert_snapshot!(shown.join("\n"), @r"
        run 17 of ci: 1 job, manual at 3f2c1ab97 with uncommitted work
        ✗ loud failed in 0ms: exit code 1 at .gantry/ci.gantry:11

        ✗ loud failed: exit code 1
          at .gantry/ci.gantry:11 in yes; false
          │ what was started
          │ [… 411 KB not shown; all of it: gantry logs 17 loud]
          │ what went wrong

          ✗ loud  0ms  exit code 1  .gantry/ci.gantry:11

        run 17 of ci failed in 0ms: 1 failed
        ");
    }

    #[test]
    fn the_chain_that_the_run_waited_for() {
        let mut story = Story::of(plan(&[
            ("fetch", &[]),
            ("docs", &[]),
            ("build", &["fetch"]),
            ("test", &["build", "docs"]),
        ]));
        story
            .ready("fetch")
            .ready("docs")
            .start("fetch", 1, "fetch")
            .start("docs", 1, "docs")
            .wait(2_000)
            .succeed("docs", 1)
            .wait(1_000)
            .succeed("fetch", 1)
            .ready("build")
            .start("build", 1, "build")
            .wait(60_000)
            .succeed("build", 1)
            .ready("test")
            .start("test", 1, "test")
            .wait(5_000)
            .succeed("test", 1)
            .end_run(Outcome::Succeeded);
        assert_snapshot!(check(&story), @r"
        run 17 of ci: 4 jobs, manual at 3f2c1ab97 with uncommitted work

          ✓ fetch    3.0s
          ✓ docs     2.0s
          ✓ build  1m 00s
          ✓ test     5.0s

        critical path 1m 08s: fetch 3.0s → build 1m 00s → test 5.0s
        run 17 of ci succeeded in 1m 08s: 4 succeeded
        ");
    }

    #[test]
    fn a_run_of_many_jobs() {
        let names: Vec<_> = (0..100).map(|n| format!("job-{n}")).collect();
        let jobs: Vec<_> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let mut story = Story::of(plan(&jobs));
        for (n, name) in names.iter().enumerate() {
            match n % 10 {
                3 => story.start(name, 1, "false").wait(10).fail(name, 1, 1),
                4 => story.end(
                    name,
                    0,
                    Outcome::Skipped {
                        reason: model::SkipReason::Blocked {
                            name: "job-3".to_owned(),
                        },
                    },
                ),
                _ => story.start(name, 1, "true").wait(n as i64).succeed(name, 1),
            };
        }
        story.end_run(Outcome::Failed {
            failure: Failure::Inner { n_failed: 10 },
        });
        assert_snapshot!(check(&story), @r"
        run 17 of ci: 100 jobs, manual at 3f2c1ab97 with uncommitted work
        ✗ job-3 failed in 10ms: exit code 1 at .gantry/ci.gantry:41
        ✗ job-13 failed in 10ms: exit code 1 at .gantry/ci.gantry:141
        ✗ job-23 failed in 10ms: exit code 1 at .gantry/ci.gantry:241
        ✗ job-33 failed in 10ms: exit code 1 at .gantry/ci.gantry:341
        ✗ job-43 failed in 10ms: exit code 1 at .gantry/ci.gantry:441
        ✗ job-53 failed in 10ms: exit code 1 at .gantry/ci.gantry:541
        ✗ job-63 failed in 10ms: exit code 1 at .gantry/ci.gantry:641
        ✗ job-73 failed in 10ms: exit code 1 at .gantry/ci.gantry:741
        ✗ job-83 failed in 10ms: exit code 1 at .gantry/ci.gantry:841
        ✗ job-93 failed in 10ms: exit code 1 at .gantry/ci.gantry:941

        ✗ job-3 failed: exit code 1
          at .gantry/ci.gantry:41 in false
          │ (it printed nothing)

        ✗ job-13 failed: exit code 1
          at .gantry/ci.gantry:141 in false
          │ (it printed nothing)

        ✗ job-23 failed: exit code 1
          at .gantry/ci.gantry:241 in false
          │ (it printed nothing)

        ✗ job-33 failed: exit code 1
          at .gantry/ci.gantry:341 in false
          │ (it printed nothing)

        ✗ job-43 failed: exit code 1
          at .gantry/ci.gantry:441 in false
          │ (it printed nothing)

        ✗ job-53 failed: exit code 1
          at .gantry/ci.gantry:541 in false
          │ (it printed nothing)

        ✗ job-63 failed: exit code 1
          at .gantry/ci.gantry:641 in false
          │ (it printed nothing)

        ✗ job-73 failed: exit code 1
          at .gantry/ci.gantry:741 in false
          │ (it printed nothing)

        ✗ job-83 failed: exit code 1
          at .gantry/ci.gantry:841 in false
          │ (it printed nothing)

        ✗ job-93 failed: exit code 1
          at .gantry/ci.gantry:941 in false
          │ (it printed nothing)

          ✗ job-3   10ms  exit code 1  .gantry/ci.gantry:41
          ✗ job-13  10ms  exit code 1  .gantry/ci.gantry:141
          ✗ job-23  10ms  exit code 1  .gantry/ci.gantry:241
          ✗ job-33  10ms  exit code 1  .gantry/ci.gantry:341
          ✗ job-43  10ms  exit code 1  .gantry/ci.gantry:441
          ✗ job-53  10ms  exit code 1  .gantry/ci.gantry:541
          ✗ job-63  10ms  exit code 1  .gantry/ci.gantry:641
          ✗ job-73  10ms  exit code 1  .gantry/ci.gantry:741
          ✗ job-83  10ms  exit code 1  .gantry/ci.gantry:841
          ✗ job-93  10ms  exit code 1  .gantry/ci.gantry:941
          - 10 jobs skipped: blocked by job-3
          the slowest of those that succeeded:
          ✓ job-99  99ms
          ✓ job-98  98ms
          ✓ job-97  97ms
          ✓ job-96  96ms
          ✓ job-95  95ms

        run 17 of ci failed in 4.0s: 10 failed, 80 succeeded, 10 skipped
        ");
    }

    #[test]
    fn more_jobs_than_the_terminal_has_rows() {
        let names: Vec<_> = (0..30).map(|n| format!("job-{n}")).collect();
        let jobs: Vec<_> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let mut story = Story::of(plan(&jobs));
        for name in &names[..20] {
            story.ready(name).start(name, 1, "sleep 1");
        }
        for name in &names[20..] {
            story.ready(name);
        }
        story.wait(1_000);
        for name in &names[..15] {
            story.succeed(name, 1);
        }
        story.wait(1_000);
        story.end_run(Outcome::Succeeded);
        assert_snapshot!(check_live(&story), @"
        --- after 1000 ms
        run 17 of ci: 30 jobs, manual at 3f2c1ab97 with uncommitted work
          ⠋ job-0     1.0s  ▶ sleep 1
          ⠋ job-1     1.0s  ▶ sleep 1
          ⠋ job-2     1.0s  ▶ sleep 1
          ⠋ job-3     1.0s  ▶ sleep 1
          … and 16 more running
        1.0s  20 running · 10 waiting (for a slot)
        --- after 2000 ms
        run 17 of ci: 30 jobs, manual at 3f2c1ab97 with uncommitted work
          ⠋ job-15     2.0s  ▶ sleep 1
          ⠋ job-16     2.0s  ▶ sleep 1
          ⠋ job-17     2.0s  ▶ sleep 1
          ⠋ job-18     2.0s  ▶ sleep 1
          ⠋ job-19     2.0s  ▶ sleep 1
        2.0s  15 succeeded · 5 running · 10 waiting (for a slot)
        ");
    }

    #[test]
    fn a_run_live() {
        assert_snapshot!(check_live(&eventful()), @r#"
        --- after 400 ms
        run 17 of ci: 7 jobs, manual at 3f2c1ab97 with uncommitted work
          ⠼ format     0.4s  ▶ cargo fmt --check
          ⠼ lint       0.4s  ▶ cargo clippy
        0.4s  2 running · 5 waiting (2 for their turn, 1 for a slot, 1 for format, …)
        --- after 1200 ms
        run 17 of ci: 7 jobs, manual at 3f2c1ab97 with uncommitted work
          ⠹ lint            1.2s  Checking dsl
          ⠹ test["dsl"]     0.8s  ▶ cargo test --package dsl
        1.2s  1 succeeded · 2 running · 4 waiting (2 for their turn, 1 for a slot, 1 f…
        --- after 1300 ms
        run 17 of ci: 7 jobs, manual at 3f2c1ab97 with uncommitted work
          ⠸ test["dsl"]     0.9s  expected 1
          ⠸ flaky           0.1s  ▶ ./flaky
        1.3s  2 succeeded · 2 running · 3 waiting (2 for their turn, 1 for test["dsl"])
        --- after 2300 ms
        run 17 of ci: 7 jobs, manual at 3f2c1ab97 with uncommitted work
        ↻ flaky attempt 1 failed: exit code 7; trying again in 2.0s
          ⠸ test["dsl"]     1.9s  expected 1
        2.3s  2 succeeded · 1 running · 4 waiting (2 for their turn, 1 for test["dsl"]…
        --- after 3300 ms
        run 17 of ci: 7 jobs, manual at 3f2c1ab97 with uncommitted work
        ↻ flaky attempt 1 failed: exit code 7; trying again in 2.0s
        ✗ test["dsl"] failed in 1.9s: exit code 101 at .gantry/ci.gantry:31
        3.3s  1 failed · 2 succeeded · 2 skipped · 2 waiting (1 for their turn, 1 to t…
        --- after 3310 ms
        run 17 of ci: 7 jobs, manual at 3f2c1ab97 with uncommitted work
        ↻ flaky attempt 1 failed: exit code 7; trying again in 2.0s
        ✗ test["dsl"] failed in 1.9s: exit code 101 at .gantry/ci.gantry:31
          ⠸ experiment     0.0s  ▶ exit 3
        3.3s  1 failed · 3 succeeded · 2 skipped · 1 running
        "#);
    }
}
