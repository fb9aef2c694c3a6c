//! Runs for the tests of printers: a plan, its events and logs, told in a few lines.

use super::{Display, Logs, Palette};
use model::event::{EVENT_VERSION, Event, EventKind, StepEnd};
use model::ids::{AttemptId, JobId, NodeId, RunId};
use model::outcome::{Failure, Outcome};
use model::plan::{Edge, EdgeKind, Node, NodeKind, PLAN_VERSION, Phase, Plan};
use model::spec::Place;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use tempfile::TempDir;

/// A plan of jobs, each with those that it needs. The n-th stands in line 10 n.
pub fn plan(jobs: &[(&str, &[&str])]) -> Plan {
    let position = |name: &str| {
        let found = jobs.iter().position(|(job, _)| *job == name);
        NodeId(found.expect("a job of the plan") as u32)
    };
    let node = |(n, (name, needs)): (usize, &(&str, &[&str]))| Node {
        name: (*name).to_owned(),
        place: Place {
            line: 10 * (n as u32 + 1),
            column: 3,
        },
        parent: None,
        phase: Phase::Main,
        fan_out: None,
        when: None,
        edges: needs
            .iter()
            .map(|on| Edge {
                on: position(on),
                kind: EdgeKind::Needs,
                element: None,
            })
            .collect(),
        kind: NodeKind::Job(Box::default()),
    };
    Plan {
        version: PLAN_VERSION,
        language: 1,
        pipeline: "ci".to_owned(),
        title: None,
        path: ".gantry/ci.gantry".to_owned(),
        event: model::plan::Event {
            kind: "manual".to_owned(),
            commit: "3f2c1ab97e".to_owned(),
            dirty: true,
            trusted: true,
            fields: BTreeMap::new(),
        },
        params: BTreeMap::new(),
        timeout_ms: None,
        priority: 0,
        fail_fast: false,
        concurrency: None,
        nodes: jobs.iter().enumerate().map(node).collect(),
        secrets: Vec::new(),
        unsupported: Vec::new(),
    }
}

/// The story of run 17, with its logs on disk.
pub struct Story {
    pub plan: Arc<Plan>,
    pub events: Vec<Event>,
    logs: TempDir,
    now_ms: i64,
    started_ms: BTreeMap<JobId, i64>,
}

impl Story {
    /// The run has begun, and its jobs are there.
    pub fn of(plan: Plan) -> Self {
        let plan = Arc::new(plan);
        let mut story = Self {
            events: Vec::new(),
            logs: tempfile::tempdir().expect("a temporary folder"),
            now_ms: 0,
            started_ms: BTreeMap::new(),
            plan: Arc::clone(&plan),
        };
        story.event(EventKind::RunStarted {
            pipeline: "ci".to_owned(),
            trigger: "manual".to_owned(),
            commit: plan.event.commit.clone(),
            n_jobs: plan.nodes.len() as u32,
        });
        for (node, job) in plan.iter() {
            story.event(EventKind::JobCreated {
                job: JobId(node.0),
                node,
                name: job.name.clone(),
            });
        }
        story
    }

    pub fn display(&self) -> Display {
        Display {
            palette: Palette::PLAIN,
            logs: Logs::new(self.logs.path()),
            store: None,
        }
    }

    pub fn event(&mut self, kind: EventKind) -> &mut Self {
        self.events.push(Event {
            v: EVENT_VERSION,
            seq: self.events.len() as u64 + 1,
            at_ms: self.now_ms,
            run: RunId(17),
            kind,
        });
        self
    }

    /// Time passes.
    pub fn wait(&mut self, ms: i64) -> &mut Self {
        self.now_ms += ms;
        self
    }

    pub fn ready(&mut self, job: &str) -> &mut Self {
        let job = self.job(job);
        self.event(EventKind::JobReady { job })
    }

    /// An attempt starts with its first step.
    pub fn start(&mut self, name: &str, attempt: u32, step: &str) -> &mut Self {
        let job = self.job(name);
        self.started_ms.insert(job, self.now_ms);
        let worker = "desk".to_owned();
        self.event(EventKind::JobStarted {
            job,
            attempt,
            worker,
        });
        self.step(name, attempt, 0, step)
    }

    pub fn step(&mut self, job: &str, attempt: u32, step: u32, name: &str) -> &mut Self {
        let job = self.job(job);
        let log_from = self.length(job, attempt);
        self.event(EventKind::StepStarted {
            job,
            attempt,
            step,
            name: name.to_owned(),
            place: Place {
                line: 10 * (job.0 + 1) + 1 + step,
                column: 5,
            },
            log_from,
        })
    }

    /// A step prints something.
    pub fn print(&mut self, job: &str, attempt: u32, bytes: impl AsRef<[u8]>) -> &mut Self {
        let job = self.job(job);
        let path = self.log(job, attempt);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        let mut log = fs::read(&path).unwrap_or_default();
        log.extend_from_slice(bytes.as_ref());
        fs::write(&path, &log).expect("the log is written");
        let length = log.len() as u64;
        self.event(EventKind::LogGrew {
            job,
            attempt,
            length,
        })
    }

    pub fn step_ends(&mut self, job: &str, attempt: u32, step: u32, end: StepEnd) -> &mut Self {
        let job = self.job(job);
        let log_to = self.length(job, attempt);
        self.event(EventKind::StepFinished {
            job,
            attempt,
            step,
            end,
            log_to,
            took_ms: 1,
        })
    }

    pub fn succeed(&mut self, job: &str, attempt: u32) -> &mut Self {
        self.step_ends(job, attempt, 0, StepEnd::Succeeded);
        self.end(job, attempt, Outcome::Succeeded)
    }

    /// The first step ends with this exit code, and with it the job.
    pub fn fail(&mut self, job: &str, attempt: u32, code: i32) -> &mut Self {
        self.step_ends(job, attempt, 0, StepEnd::Exit { code });
        let failure = Failure::Exit { step: 0, code };
        self.end(job, attempt, Outcome::Failed { failure })
    }

    pub fn end(&mut self, job: &str, attempt: u32, outcome: Outcome) -> &mut Self {
        self.end_allowed(job, attempt, outcome, false)
    }

    pub fn end_allowed(
        &mut self,
        job: &str,
        attempt: u32,
        outcome: Outcome,
        allowed: bool,
    ) -> &mut Self {
        let job = self.job(job);
        let started_ms = self.started_ms.get(&job).copied().unwrap_or(self.now_ms);
        self.event(EventKind::JobFinished {
            job,
            attempt,
            outcome,
            allowed,
            outputs: BTreeMap::new(),
            took_ms: (self.now_ms - started_ms) as u64,
        })
    }

    pub fn end_run(&mut self, outcome: Outcome) -> &mut Self {
        let took_ms = self.now_ms as u64;
        self.event(EventKind::RunFinished { outcome, took_ms })
    }

    pub fn job(&self, name: &str) -> JobId {
        let found = self.plan.nodes.iter().position(|node| node.name == name);
        JobId(found.expect("a job of the plan") as u32)
    }

    fn log(&self, job: JobId, attempt: u32) -> std::path::PathBuf {
        Logs::new(self.logs.path()).path(AttemptId {
            run: RunId(17),
            job,
            number: attempt,
        })
    }

    fn length(&self, job: JobId, attempt: u32) -> u64 {
        fs::metadata(self.log(job, attempt)).map_or(0, |log| log.len())
    }
}

/// A run in which something of everything happens.
pub fn eventful() -> Story {
    let mut story = Story::of(plan(&[
        ("format", &[]),
        ("lint", &[]),
        ("test[\"dsl\"]", &["format"]),
        ("flaky", &[]),
        ("package", &["test[\"dsl\"]", "lint"]),
        ("publish", &[]),
        ("experiment", &[]),
    ]));
    story
        .ready("format")
        .ready("lint")
        .ready("flaky")
        .start("format", 1, "cargo fmt --check")
        .start("lint", 1, "cargo clippy")
        .wait(400)
        .print("format", 1, "all files are as they should be\n")
        .succeed("format", 1)
        .ready("test[\"dsl\"]")
        .start("test[\"dsl\"]", 1, "cargo test --package dsl")
        .print("lint", 1, "    Checking model\n    Checking dsl\n")
        .wait(800)
        .print(
            "test[\"dsl\"]",
            1,
            "running 2 tests\n\x1b[31mFAILED\x1b[0m: parse\nexpected 1\n",
        )
        .print("lint", 1, "    Finished\n")
        .succeed("lint", 1)
        .start("flaky", 1, "./flaky")
        .wait(100);
    story.step_ends("flaky", 1, 0, StepEnd::Exit { code: 7 });
    let job = story.job("flaky");
    let failure = Failure::Exit { step: 0, code: 7 };
    story
        .event(EventKind::JobRetried {
            job,
            attempt: 1,
            outcome: Outcome::Failed { failure },
            delay_ms: 2_000,
        })
        .wait(1_000)
        .fail("test[\"dsl\"]", 1, 101)
        .end(
            "package",
            0,
            Outcome::Skipped {
                reason: model::SkipReason::Blocked {
                    name: "test[\"dsl\"]".to_owned(),
                },
            },
        )
        .end(
            "publish",
            0,
            Outcome::Skipped {
                reason: model::SkipReason::When {
                    condition: "event.kind == \"push\"".to_owned(),
                },
            },
        )
        .wait(1_000)
        .start("flaky", 2, "./flaky")
        .print("flaky", 2, "no line break at the end")
        .succeed("flaky", 2)
        .start("experiment", 1, "exit 3")
        .wait(10)
        .step_ends("experiment", 1, 0, StepEnd::Exit { code: 3 })
        .end_allowed(
            "experiment",
            1,
            Outcome::Failed {
                failure: Failure::Exit { step: 0, code: 3 },
            },
            true,
        )
        .event(EventKind::Warning {
            message: "the disk is nearly full".to_owned(),
        })
        .end_run(Outcome::Failed {
            failure: Failure::Inner { n_failed: 1 },
        });
    story
}

/// Bytes that a printer writes and a test reads in turns.
pub struct Shared(pub std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // As a terminal does: a line feed goes to the beginning of the next line.
        let text = String::from_utf8_lossy(bytes).replace('\n', "\r\n");
        self.0.borrow_mut().extend_from_slice(text.as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
