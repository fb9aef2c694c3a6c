//! `gantry explain`: why a job is where it is, from what is recorded and from the plan.

use super::logs::{find_jobs, find_run};
use crate::args::StoreArgs;
use crate::desk::{Repository, store};
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::output::{Palette, text};
use dsl::diagnostic::Code;
use model::event::StepEnd;
use model::ids::{NodeId, RunId};
use model::outcome::Outcome;
use model::plan::{EdgeKind, Node, NodeKind, Plan};
use runner::store::{RunStatus, RunSummary};
use scheduler::record::{JobRow, JobState, StepRow};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Of a job with more elements than this the rest is only counted.
const MAX_ELEMENTS: usize = 20;

/// How many of the jobs that wait for one are named.
const MAX_HELD_UP: usize = 5;

/// The width of a page about a code: what is easy to read.
const PAGE_WIDTH: usize = 80;

/// Say why a job waits, was skipped or failed; or what a code means
///
/// It tells what the job waits for and how that ended, what each of its steps did and where it stands
/// in the pipeline file, and which jobs it holds up. It also works while the run is going.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  gantry explain package          of the last run
  gantry explain 'test["linux"]' --run 17
  gantry explain G0201            what an error code means, and what to do"#)]
pub struct Args {
    /// The job, or the code of an error
    #[arg(value_name = "JOB")]
    job: String,

    /// The run, as `gantry runs` numbers it [default: the last one]
    #[arg(long, value_name = "N")]
    run: Option<u64>,

    #[command(flatten)]
    store: StoreArgs,
}

/// Prints the explanation.
pub fn run(args: &Args) -> Result {
    let palette = Palette::stdout();
    let explanation = match Code::parse(&args.job) {
        Some(code) => explain_code(palette, code),
        None => explain_recorded(args, palette)?,
    };
    io::stdout().lock().write_all(explanation.as_bytes())?;
    Ok(ExitCode::Succeeded)
}

fn explain_code(palette: Palette, code: Code) -> String {
    let title = palette.strong(&format!("{code}: {}", code.title()));
    format!(
        "{title}\n\n{}\n",
        text::wrapped(code.explanation(), PAGE_WIDTH)
    )
}

fn explain_recorded(args: &Args, palette: Palette) -> Result<String> {
    let repository = Repository::find()?;
    let layout = store::layout(&repository, args.store.store.as_deref())?;
    let nothing = || Error::not_found("nothing was run here yet").hint("`gantry run` does");
    let mut store = store::open_for_reading(&layout)?.ok_or_else(nothing)?;
    let id = find_run(&mut store, args.run.map(RunId))?.ok_or_else(nothing)?;
    let run = store.run(id)?.ok_or_else(nothing)?;
    let plan = store.plan(id)?.ok_or_else(|| {
        Error::system(format!("the plan of run {id} is not in the store any more"))
    })?;
    let jobs = store.jobs(id)?;
    let steps = store.steps(id, None)?;
    let recorded = Recorded {
        plan: &plan,
        run: &run,
        jobs: &jobs,
        steps: &steps,
        palette,
    };
    recorded.explain(&args.job)
}

/// What is known of a run.
struct Recorded<'r> {
    plan: &'r Plan,
    run: &'r RunSummary,
    jobs: &'r [JobRow],
    steps: &'r [StepRow],
    palette: Palette,
}

impl Recorded<'_> {
    fn explain(&self, name: &str) -> Result<String> {
        // A job that has not left Waiting is in the plan only.
        let node = self.plan.iter().find(|(_, node)| node.name == name);
        match (find_jobs(self.jobs, self.run.id(), name), node) {
            (Ok(jobs), _) => Ok(self.explain_jobs(&jobs)),
            (Err(_), Some((id, node))) => Ok(self.explain_node(id, node)),
            (Err(error), None) => Err(error),
        }
    }

    fn explain_jobs(&self, jobs: &[&JobRow]) -> String {
        let mut text = String::new();
        for job in jobs.iter().take(MAX_ELEMENTS) {
            if !text.is_empty() {
                text.push('\n');
            }
            self.explain_job(&mut text, job);
        }
        if jobs.len() > MAX_ELEMENTS {
            let more = text::count(jobs.len() - MAX_ELEMENTS, "more element");
            let _ = writeln!(text, "\n… and {more}");
        }
        text
    }

    fn explain_job(&self, text: &mut String, job: &JobRow) {
        let name = text::one_line(&job.name);
        let took = match self.took_ms(job) {
            Some(took_ms) => format!(", took {}", text::duration(took_ms)),
            None => String::new(),
        };
        let headline = self
            .palette
            .strong(&format!("{name} {}", self.state_of_job(job)));
        let _ = writeln!(text, "{headline}{took}");
        let Some(node) = self.plan.nodes.get(job.node.index()) else {
            return;
        };
        self.where_and_what_for(text, job.node, node);
        if let (Some(ready), Some(started)) = (job.ready_ms, job.started_ms) {
            let _ = writeln!(
                text,
                "  it was ready {} after the run began, and started {} later",
                duration(self.run.row.submitted_ms, ready),
                duration(ready, started)
            );
        }
        for attempt in 1..=job.n_attempts {
            let steps: Vec<_> = self
                .steps
                .iter()
                .filter(|step| step.attempt.job == job.job && step.attempt.number == attempt)
                .collect();
            if job.n_attempts > 1 {
                let _ = writeln!(text, "  attempt {attempt}");
            }
            for step in steps {
                self.explain_step(text, step);
            }
        }
        for (output, value) in &job.outputs {
            let value = value.to_string();
            let _ = writeln!(text, "  output {output} = {}", text::one_line(&value));
        }
        self.holds_up(text, job.node);
    }

    /// A node without a recorded job.
    fn explain_node(&self, id: NodeId, node: &Node) -> String {
        let name = text::one_line(&node.name);
        let what = match &node.kind {
            NodeKind::Stage(_) => format!("is a stage: {}", self.state_of(id)),
            _ => self.state_without_job().to_owned(),
        };
        let mut text = String::new();
        let _ = writeln!(text, "{}", self.palette.strong(&format!("{name} {what}")));
        self.where_and_what_for(&mut text, id, node);
        self.holds_up(&mut text, id);
        text
    }

    fn where_and_what_for(&self, text: &mut String, id: NodeId, node: &Node) {
        let place = format!("{}:{}", text::one_line(&self.plan.path), node.place.line);
        let _ = writeln!(
            text,
            "  in run {} of {} at {}",
            self.run.id(),
            text::one_line(&self.plan.pipeline),
            self.palette.note(&place)
        );
        if let Some(when) = &node.when {
            let _ = writeln!(text, "  it applies when {}", text::one_line(&when.text));
        }
        let around = self.plan.ancestors(id).map(|stage| self.plan.node(stage));
        for node in std::iter::once(node).chain(around) {
            for edge in &node.edges {
                let how = match edge.kind {
                    EdgeKind::Needs => "it needs",
                    EdgeKind::Output => "it uses an output of",
                    EdgeKind::After => "it comes after",
                    EdgeKind::Order => "it stands below",
                };
                let on = text::one_line(&self.plan.node(edge.on).name);
                let _ = writeln!(text, "  {how} {on} ({})", self.state_of(edge.on));
            }
        }
    }

    fn explain_step(&self, text: &mut String, step: &StepRow) {
        let place = format!("{}:{}", text::one_line(&self.plan.path), step.place.line);
        let end = match &step.end {
            None => "not ended".to_owned(),
            Some((end, _, took_ms)) => format!("{} in {}", step_end(end), text::duration(*took_ms)),
        };
        let _ = writeln!(
            text,
            "  step {}: {}  {}  {}",
            step.step + 1,
            text::one_line(&step.name),
            self.palette.dim(&end),
            self.palette.note(&place)
        );
    }

    fn holds_up(&self, text: &mut String, id: NodeId) {
        let waits = |node: &&Node| node.edges.iter().any(|edge| edge.on == id);
        let names: Vec<_> = self.plan.nodes.iter().filter(waits).collect();
        if names.is_empty() {
            return;
        }
        let shown: Vec<_> = names
            .iter()
            .take(MAX_HELD_UP)
            .map(|node| text::one_line(&node.name))
            .collect();
        let more = if names.len() > MAX_HELD_UP {
            ", …"
        } else {
            ""
        };
        let _ = writeln!(text, "  what waits for it: {}{more}", shown.join(", "));
    }

    /// How all jobs of a node, or in a stage, stand.
    fn state_of(&self, id: NodeId) -> String {
        let belongs = |job: &&JobRow| {
            job.node.index() < self.plan.nodes.len()
                && (job.node == id || self.plan.ancestors(job.node).any(|stage| stage == id))
        };
        let jobs: Vec<_> = self.jobs.iter().filter(belongs).collect();
        match &jobs[..] {
            [] => self.state_without_job().to_owned(),
            [only] if only.node == id => self.state_of_job(only),
            several => {
                let mut counts: BTreeMap<String, usize> = BTreeMap::new();
                for job in several {
                    let word = match &job.state {
                        JobState::Ended { outcome, .. } => outcome.word().to_owned(),
                        _ => self.state_of_job(job),
                    };
                    *counts.entry(word).or_default() += 1;
                }
                let counts: Vec<_> = counts
                    .iter()
                    .map(|(word, n)| format!("{} {word}", text::count(*n, "job")))
                    .collect();
                counts.join(", ")
            }
        }
    }

    /// How a node stands that no job was made of.
    fn state_without_job(&self) -> &'static str {
        match &self.run.status {
            RunStatus::Alive => "waits",
            RunStatus::Interrupted => "was waiting when the process of its run ended",
            RunStatus::Ended(_) => "has no job in this run",
        }
    }

    /// How a job stands. In a run that was interrupted none waits or runs any more, whatever was
    /// recorded of it last.
    fn state_of_job(&self, job: &JobRow) -> String {
        match (&job.state, &self.run.status) {
            (JobState::Ended { .. }, _) | (_, RunStatus::Alive) => state(&job.state),
            (JobState::Running { .. }, _) => {
                "was running when the process of its run ended".to_owned()
            }
            _ => "was waiting when the process of its run ended".to_owned(),
        }
    }

    /// How long the last attempt took. News of what is short comes to the runner all at once, so that
    /// the steps know better than the runner's clock.
    fn took_ms(&self, job: &JobRow) -> Option<u64> {
        let (from, to) = (job.started_ms?, job.finished_ms?);
        let of_steps = self.steps.iter().filter_map(|step| {
            let is_last = step.attempt.job == job.job && step.attempt.number == job.n_attempts;
            let (_, _, took_ms) = step.end.as_ref().filter(|_| is_last)?;
            Some(*took_ms)
        });
        Some(elapsed_ms(from, to).max(of_steps.sum()))
    }
}

/// Where a job is, as the rest of a sentence that begins with its name.
fn state(state: &JobState) -> String {
    match state {
        JobState::Queued => "waits for a slot".to_owned(),
        JobState::Blocked { lock, .. } => format!("waits for {}", text::one_line(lock)),
        JobState::Asking => "waits for people to decide".to_owned(),
        JobState::Retrying { .. } => "waits for its next attempt".to_owned(),
        JobState::Assigned { .. } => "is about to start".to_owned(),
        JobState::Running { stopping: None, .. } => "runs".to_owned(),
        JobState::Running {
            stopping: Some(reason),
            ..
        } => format!("is being stopped: {}", text::one_line(reason)),
        JobState::Held { reason, .. } => format!("is held: {}", text::one_line(reason)),
        JobState::Ended { outcome, allowed } => {
            let ended = match outcome {
                Outcome::Skipped { .. } | Outcome::Canceled { .. } => format!("was {outcome}"),
                _ => outcome.to_string(),
            };
            let allowed = match allowed {
                true => ", which is allowed",
                false => "",
            };
            format!("{}{allowed}", text::one_line(&ended))
        }
    }
}

fn step_end(end: &StepEnd) -> String {
    match end {
        StepEnd::Succeeded => "succeeded".to_owned(),
        StepEnd::Exit { code } => format!("exit code {code}"),
        StepEnd::Signal { signal } => format!("ended by signal {signal}"),
        StepEnd::Error { message } => text::one_line(message).into_owned(),
        StepEnd::TimedOut => "timed out".to_owned(),
        StepEnd::Stopped => "stopped".to_owned(),
        StepEnd::Skipped { condition } => {
            format!("skipped: `when = {}` is false", text::one_line(condition))
        }
    }
}

/// The time between two points of a wall clock that may have been set back between them.
fn elapsed_ms(from_ms: i64, to_ms: i64) -> u64 {
    u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(0)
}

fn duration(from_ms: i64, to_ms: i64) -> String {
    text::duration(elapsed_ms(from_ms, to_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing;
    use insta::assert_snapshot;
    use model::ids::{AttemptId, JobId, Token, WorkerId};
    use model::outcome::{Failure, SkipReason};
    use model::spec::Place;
    use model::value::Value;
    use scheduler::record::RunRow;

    fn job(job: u32, name: &str, n_attempts: u32, state: JobState) -> JobRow {
        let started_ms = (n_attempts > 0).then_some(3_000);
        JobRow {
            run: RunId(17),
            job: JobId(job),
            node: NodeId(job),
            elements: Vec::new(),
            name: name.to_owned(),
            n_attempts,
            outputs: BTreeMap::new(),
            produced: None,
            ready_ms: started_ms.map(|_| 2_500),
            started_ms,
            finished_ms: matches!(state, JobState::Ended { .. }).then_some(5_000),
            approvals: BTreeMap::new(),
            state,
        }
    }

    fn ended(outcome: Outcome) -> JobState {
        JobState::Ended {
            outcome,
            allowed: false,
        }
    }

    fn step(job: u32, attempt: u32, step: u32, name: &str, end: Option<StepEnd>) -> StepRow {
        StepRow {
            attempt: AttemptId {
                run: RunId(17),
                job: JobId(job),
                number: attempt,
            },
            step,
            name: name.to_owned(),
            place: Place {
                line: 11 + step,
                column: 5,
            },
            log_from: 0,
            started_ms: 3_000,
            end: end.map(|end| (end, 10, 1_500)),
        }
    }

    /// What is told about a job of a run in which `build` succeeded at the second attempt, `test`
    /// failed, `package` is blocked, `docs` runs, and `publish` has not got so far.
    fn check(name: &str) -> String {
        check_run(name, RunStatus::Alive)
    }

    fn check_run(name: &str, status: RunStatus) -> String {
        let plan = testing::plan(&[
            ("build", &[]),
            ("test", &["build"]),
            ("package", &["test"]),
            ("docs", &[]),
            ("publish", &["docs", "package"]),
        ]);
        let failure = Failure::Exit { step: 0, code: 101 };
        let mut jobs = vec![
            job(0, "build", 2, ended(Outcome::Succeeded)),
            job(1, "test", 1, ended(Outcome::Failed { failure })),
            job(
                2,
                "package",
                0,
                ended(Outcome::Skipped {
                    reason: SkipReason::Blocked {
                        name: "test".to_owned(),
                    },
                }),
            ),
            job(
                3,
                "docs",
                1,
                JobState::Running {
                    worker: WorkerId(1),
                    token: Token(1),
                    stopping: None,
                },
            ),
        ];
        jobs[0].outputs = BTreeMap::from([("version".to_owned(), Value::text("1.2"))]);
        let steps = [
            step(0, 1, 0, "make", Some(StepEnd::Signal { signal: 9 })),
            step(0, 2, 0, "make", Some(StepEnd::Succeeded)),
            step(0, 2, 1, "make install", Some(StepEnd::Succeeded)),
            step(1, 1, 0, "make check", Some(StepEnd::Exit { code: 101 })),
            step(3, 1, 0, "make docs", None),
        ];
        let run = RunSummary {
            row: RunRow {
                run: RunId(17),
                by: "ann".to_owned(),
                submitted_ms: 2_000,
                selected: None,
                keep_going: false,
                canceled_by: None,
                outcome: None,
                finished_ms: None,
            },
            pipeline: "ci".to_owned(),
            path: ".gantry/ci.gantry".to_owned(),
            trigger: "manual".to_owned(),
            commit: String::new(),
            dirty: false,
            status,
        };
        let recorded = Recorded {
            plan: &plan,
            run: &run,
            jobs: &jobs,
            steps: &steps,
            palette: Palette::PLAIN,
        };
        match recorded.explain(name) {
            Ok(text) => text,
            Err(error) => error.render(Palette::PLAIN),
        }
    }

    #[test]
    fn a_job_that_succeeded() {
        assert_snapshot!(check("build"), @r#"
        build succeeded, took 3.0s
          in run 17 of ci at .gantry/ci.gantry:10
          it was ready 0.5s after the run began, and started 0.5s later
          attempt 1
          step 1: make  ended by signal 9 in 1.5s  .gantry/ci.gantry:11
          attempt 2
          step 1: make  succeeded in 1.5s  .gantry/ci.gantry:11
          step 2: make install  succeeded in 1.5s  .gantry/ci.gantry:12
          output version = "1.2"
          what waits for it: test
        "#);
    }

    #[test]
    fn a_job_that_failed() {
        assert_snapshot!(check("test"), @"
        test failed: exit code 101, took 2.0s
          in run 17 of ci at .gantry/ci.gantry:20
          it needs build (succeeded)
          it was ready 0.5s after the run began, and started 0.5s later
          step 1: make check  exit code 101 in 1.5s  .gantry/ci.gantry:11
          what waits for it: package
        ");
    }

    #[test]
    fn a_job_that_was_skipped() {
        assert_snapshot!(check("package"), @"
        package was skipped: blocked by test
          in run 17 of ci at .gantry/ci.gantry:30
          it needs test (failed: exit code 101)
          what waits for it: publish
        ");
    }

    #[test]
    fn a_job_that_runs() {
        assert_snapshot!(check("docs"), @"
        docs runs
          in run 17 of ci at .gantry/ci.gantry:40
          it was ready 0.5s after the run began, and started 0.5s later
          step 1: make docs  not ended  .gantry/ci.gantry:11
          what waits for it: publish
        ");
    }

    #[test]
    fn jobs_of_a_run_that_was_killed() {
        let killed = ["docs", "publish"].map(|name| check_run(name, RunStatus::Interrupted));
        assert_snapshot!(killed.join("\n"), @"
        docs was running when the process of its run ended
          in run 17 of ci at .gantry/ci.gantry:40
          it was ready 0.5s after the run began, and started 0.5s later
          step 1: make docs  not ended  .gantry/ci.gantry:11
          what waits for it: publish

        publish was waiting when the process of its run ended
          in run 17 of ci at .gantry/ci.gantry:50
          it needs docs (was running when the process of its run ended)
          it needs package (was skipped: blocked by test)
        ");
    }

    #[test]
    fn a_job_that_waits() {
        assert_snapshot!(check("publish"), @"
        publish waits
          in run 17 of ci at .gantry/ci.gantry:50
          it needs docs (runs)
          it needs package (was skipped: blocked by test)
        ");
    }

    #[test]
    fn a_name_that_is_none() {
        assert_snapshot!(check("pakage"), @r#"
        error: run 17 has no job "pakage" that began
          help: did you mean package?
          help: its jobs are build, test, package and docs
        "#);
    }
}
