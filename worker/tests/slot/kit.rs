//! A slot with folders of its own, jobs for it, and what it says of them.

use model::event::StepEnd;
use model::ids::AttemptId;
use model::outcome::Outcome;
use model::spec::{
    Action, EnvValue, EnvVar, Hooks, JobSpec, OutputSpec, Place, Shell, Sources, StepRetry,
    StepSpec,
};
use protocol::v1::{Assign, Finished, Lease, Stop, ToRunner, to_runner::Body};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use worker::Dirs;
use worker::executor::base_environment;
use worker::slot::client::{SlotCommand, SlotError, SlotHandle, SlotReport};
use worker::slot::{Config, replay};

/// How long anything here may take, on a machine that has a lot else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A slot, and where it works.
pub(crate) struct Slot {
    pub(crate) folder: TempDir,
    pub(crate) handle: SlotHandle,
    n_jobs: u32,
    /// The steps that have ended, of all jobs.
    ended: Vec<(Option<Lease>, u32, StepEnd)>,
}

/// What became of a job.
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) steps: Vec<(u32, StepEnd)>,
    pub(crate) log: String,
    pub(crate) path: PathBuf,
    said_log_length: u64,
}

impl Slot {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            folder: folder.path().join("slot"),
            logs: folder.path().join("logs"),
            dirs: Dirs::below(folder.path()),
            env: base_environment(),
            durable: true,
        };
        let program = Path::new(env!("CARGO_BIN_EXE_gantry-slot"));
        let handle = SlotHandle::spawn(program, &[""; 0], &config).await.unwrap();
        Self {
            folder,
            handle,
            n_jobs: 0,
            ended: Vec::new(),
        }
    }

    /// Sends a job, and answers its lease.
    pub(crate) async fn send(&mut self, spec: &JobSpec) -> Lease {
        self.send_with(spec, &[]).await
    }

    /// The same with secrets.
    pub(crate) async fn send_with(&mut self, spec: &JobSpec, secrets: &[(&str, &str)]) -> Lease {
        self.n_jobs += 1;
        let lease = Lease {
            run: 1,
            job: self.n_jobs,
            attempt: 1,
            token: 7,
        };
        let secret = |&(name, value): &(&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
        let assign = Assign {
            lease: Some(lease),
            spec: Some(spec.into()),
            secrets: secrets.iter().map(secret).collect(),
            ..Assign::default()
        };
        let command = SlotCommand::Start(Box::new(assign));
        self.handle.send(command).await.unwrap();
        lease
    }

    pub(crate) async fn stop(&mut self, lease: Lease, grace: Duration) {
        let stop = Stop {
            lease: Some(lease),
            reason: "a test".to_owned(),
            grace_ms: u64::try_from(grace.as_millis()).unwrap(),
        };
        self.handle.send(SlotCommand::Stop(stop)).await.unwrap();
    }

    /// The next news.
    pub(crate) async fn news(&mut self) -> Result<Body, SlotError> {
        loop {
            let report = tokio::time::timeout(PATIENCE, self.handle.recv());
            match report.await.expect("the slot says something")? {
                SlotReport::News(ToRunner { body: Some(body) }) => {
                    if let Body::StepFinished(step) = &body {
                        let end = step.end.clone().unwrap().try_into().unwrap();
                        self.ended.push((step.lease, step.step, end));
                    }
                    return Ok(body);
                }
                SlotReport::News(_) | SlotReport::Ready => {}
            }
        }
    }

    /// Waits until the log of a running job holds this text.
    pub(crate) async fn until_log(&mut self, lease: Lease, text: &str) {
        let path = self.log_of(lease);
        loop {
            match self.news().await.unwrap() {
                Body::LogGrew(grew) if grew.lease == Some(lease) => {
                    let log = std::fs::read(&path).unwrap();
                    assert!(log.len() as u64 >= grew.length);
                    if String::from_utf8_lossy(&log).contains(text) {
                        return;
                    }
                }
                Body::Finished(finished) => panic!("{text:?} did not come: {finished:?}"),
                _ => {}
            }
        }
    }

    /// Waits for the end of a job.
    pub(crate) async fn done(&mut self, lease: Lease) -> Done {
        let finished: Finished = loop {
            match self.news().await.unwrap() {
                Body::Finished(finished) if finished.lease == Some(lease) => break finished,
                _ => {}
            }
        };
        let of_this = self.ended.iter().filter(|(of, ..)| *of == Some(lease));
        let steps = of_this.map(|(_, n, end)| (*n, end.clone())).collect();
        let path = self.log_of(lease);
        let log = std::fs::read(&path).unwrap_or_default();
        let done = Done {
            outcome: finished.outcome.unwrap().try_into().unwrap(),
            outputs: finished.outputs,
            steps,
            log: String::from_utf8_lossy(&log).into_owned(),
            path,
            said_log_length: finished.log_length,
        };
        assert_eq!(done.said_log_length, log.len() as u64);
        done
    }

    /// Runs a job to its end.
    pub(crate) async fn run(&mut self, spec: &JobSpec) -> Done {
        let lease = self.send(spec).await;
        self.done(lease).await
    }

    /// What the journal holds, a word each.
    pub(crate) fn journal(&self) -> Vec<&'static str> {
        use protocol::slot::v1::from_slot::Body;
        let reports = replay(&self.folder.path().join("slot/journal")).unwrap();
        let word = |body| match body {
            Body::Ready(_) => "ready",
            Body::Started(_) => "started",
            Body::StepStarted(_) => "step started",
            Body::StepFinished(_) => "step finished",
            Body::LogGrew(_) => "log grew",
            Body::Finished(_) => "finished",
        };
        reports
            .into_iter()
            .filter_map(|r| r.body)
            .map(word)
            .collect()
    }

    fn log_of(&self, lease: Lease) -> PathBuf {
        let lease = protocol::Lease::try_from(lease).unwrap();
        let attempt: AttemptId = lease.attempt;
        let file = format!("{}.log", attempt.path());
        self.folder.path().join("logs").join(file)
    }
}

impl Done {
    /// All of it, for a snapshot; without the folder's name.
    pub(crate) fn shown(&self, slot: &Slot) -> String {
        let mut shown = String::new();
        for (index, end) in &self.steps {
            let end = serde_json::to_string(end).unwrap();
            writeln!(shown, "step {index}: {end}").unwrap();
        }
        writeln!(shown, "{}", self.outcome).unwrap();
        for (name, value) in &self.outputs {
            writeln!(shown, "output {name} = {value}").unwrap();
        }
        shown.push_str(&self.log);
        shown.replace(slot.folder.path().to_str().unwrap(), "FOLDER")
    }
}

/// Runs one job on a slot of its own.
pub(crate) async fn run(spec: &JobSpec) -> String {
    let mut slot = Slot::start().await;
    let done = slot.run(spec).await;
    let shown = done.shown(&slot);
    slot.handle.close().await;
    shown
}

/// A job of these steps.
pub(crate) fn job(steps: Vec<StepSpec>) -> JobSpec {
    JobSpec {
        name: "a job".to_owned(),
        workspace: "p/a job".to_owned(),
        sources: Sources::default(),
        env: Vec::new(),
        dir: None,
        timeout_ms: None,
        steps,
        hooks: Hooks::default(),
        outputs: Vec::<OutputSpec>::new(),
        produces: Vec::new(),
    }
}

pub(crate) fn step(action: Action) -> StepSpec {
    StepSpec {
        name: "a step".to_owned(),
        place: Place::default(),
        action,
        env: Vec::new(),
        dir: None,
        timeout_ms: None,
        retry: StepRetry::default(),
        exit_codes: Vec::new(),
        allow_failure: false,
        skip: None,
    }
}

pub(crate) fn script(shell: Shell, text: &str) -> StepSpec {
    step(Action::Script {
        shell,
        text: text.to_owned(),
    })
}

pub(crate) fn sh(text: &str) -> StepSpec {
    script(Shell::Sh, text)
}

pub(crate) fn exec(argv: &[&str]) -> StepSpec {
    step(Action::Exec {
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
    })
}

pub(crate) fn var(name: &str, value: EnvValue) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value,
    }
}
