//! A worker with real slot processes, and a runner that is played by the test.
#![cfg(unix)]

use model::{
    outcome::Outcome,
    spec::{Action, Hooks, JobSpec, Place, Shell, Sources, StepRetry, StepSpec},
};
use protocol::{
    PROTOCOL_VERSION,
    link::{RunnerEnd, in_memory},
    v1::{
        Acknowledge, Assign, Drain, Finished, Lease, Recall, Register, Stop, ToWorker, Welcome,
        to_runner::Body,
    },
};
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use worker::{
    Dirs,
    executor::base_environment,
    session::{SessionError, WorkerConfig, serve},
};

/// Far longer than anything here takes; only a hang is as long as that.
const LIMIT: Duration = Duration::from_secs(60);

/// How long steps have that are not expected to be polite.
const GRACE: Duration = Duration::from_millis(100);

/// The program of a slot.
const SLOT: &str = env!("CARGO_BIN_EXE_gantry-slot");

struct Runner {
    folder: TempDir,
    end: RunnerEnd,
    worker: JoinHandle<Result<(), SessionError>>,
    register: Register,
}

impl Runner {
    async fn start(n_slots: u32) -> Self {
        Self::with(n_slots, SLOT, GRACE).await
    }

    async fn patient(grace: Duration) -> Self {
        Self::with(1, SLOT, grace).await
    }

    async fn with(n_slots: u32, program: &str, grace: Duration) -> Self {
        let mut runner = Self::dial(n_slots, program, grace).await;
        runner.send(Welcome {
            protocol: PROTOCOL_VERSION,
            heartbeat_ms: 60_000,
        });
        runner
    }

    async fn dial(n_slots: u32, program: &str, grace: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = WorkerConfig {
            name: "desk".to_owned(),
            labels: vec!["local".to_owned()],
            facts: [("role".to_owned(), model::Value::text("web"))].into(),
            dirs: Dirs::below(folder.path()),
            logs: folder.path().join("logs"),
            slots: folder.path().join("slots"),
            n_slots,
            n_prefetch: 1,
            durable: false,
            program: program.into(),
            args: Vec::new(),
            stop_grace: grace,
            env: base_environment(),
        };
        let (mut end, worker_end) = in_memory();
        let worker = tokio::spawn(serve(config, worker_end));
        let register = match receive(&mut end).await {
            Body::Register(register) => register,
            other => panic!("{other:?}"),
        };
        Self {
            folder,
            end,
            worker,
            register,
        }
    }

    fn send(&mut self, message: impl Into<ToWorker>) {
        self.end.tx.try_send(message.into()).unwrap();
    }

    fn assign(&mut self, job: u32, script: &str) {
        self.send(Assign {
            lease: lease(job),
            spec: Some((&spec(job, script)).into()),
            ..Assign::default()
        });
    }

    async fn next(&mut self) -> Body {
        receive(&mut self.end).await
    }

    /// Passes over news until an attempt has ended.
    async fn finished(&mut self) -> Finished {
        loop {
            if let Body::Finished(finished) = self.next().await {
                return finished;
            }
        }
    }

    /// The same, as job and outcome.
    async fn outcome(&mut self) -> (u32, String) {
        let finished = self.finished().await;
        let outcome = Outcome::try_from(finished.outcome.unwrap()).unwrap();
        (finished.lease.unwrap().job, outcome.to_string())
    }

    /// Passes over news until this job has started its step.
    async fn runs(&mut self, job: u32) {
        loop {
            if let Body::StepStarted(started) = self.next().await
                && started.lease == lease(job)
            {
                return;
            }
        }
    }

    /// Closes this end, and waits until the worker has ended.
    async fn close(self) -> TempDir {
        drop(self.end);
        let ended = tokio::time::timeout(LIMIT, self.worker).await;
        ended.expect("the worker hangs").unwrap().unwrap();
        self.folder
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

async fn receive(end: &mut RunnerEnd) -> Body {
    let message = tokio::time::timeout(LIMIT, end.rx.recv()).await;
    let message = message.expect("the worker is silent");
    message.expect("the worker has ended").body.unwrap()
}

fn lease(job: u32) -> Option<Lease> {
    Some(Lease {
        run: 1,
        job,
        attempt: 1,
        token: u64::from(job) + 100,
    })
}

fn spec(job: u32, script: &str) -> JobSpec {
    JobSpec {
        name: format!("job{job}"),
        workspace: format!("job{job}"),
        sources: Sources::default(),
        env: Vec::new(),
        dir: None,
        timeout_ms: None,
        steps: vec![StepSpec {
            name: "step".to_owned(),
            place: Place { line: 1, column: 1 },
            action: Action::Script {
                shell: Shell::Sh,
                text: script.to_owned(),
            },
            env: Vec::new(),
            dir: None,
            timeout_ms: None,
            retry: StepRetry::default(),
            exit_codes: Vec::new(),
            allow_failure: false,
            skip: None,
        }],
        hooks: Hooks::default(),
        outputs: Vec::new(),
        produces: Vec::new(),
    }
}

fn stop(job: u32) -> Stop {
    Stop {
        lease: lease(job),
        reason: "ann".to_owned(),
        grace_ms: 100,
    }
}

/// Waits until a file is there, and reads it.
async fn read(path: &str) -> String {
    let read = async {
        loop {
            match fs::read_to_string(path) {
                Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(LIMIT, read).await.expect(path)
}

fn is_alive(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

#[tokio::test]
async fn it_says_who_it_is() {
    let runner = Runner::start(2).await;
    let register = &runner.register;
    assert_eq!(register.protocol, PROTOCOL_VERSION);
    assert_eq!(
        (
            register.name.as_str(),
            register.n_slots,
            register.n_prefetch
        ),
        ("desk", 2, 1)
    );
    assert!(register.labels.contains(&"local".to_owned()));
    assert!(register.labels.contains(&std::env::consts::OS.to_owned()));
    assert!(register.labels.contains(&std::env::consts::ARCH.to_owned()));
    assert!(register.facts.contains_key("role"));
    assert_eq!(register.held, []);
    runner.close().await;
}

#[tokio::test]
async fn a_job_runs_and_its_news_come_in_order() {
    let mut runner = Runner::start(1).await;
    runner.assign(0, "echo hello");
    let mut news = Vec::new();
    loop {
        match runner.next().await {
            Body::Started(_) => news.push("started"),
            Body::StepStarted(_) => news.push("step started"),
            Body::StepFinished(_) => news.push("step finished"),
            Body::LogGrew(_) => {}
            Body::Finished(finished) => {
                assert_eq!(finished.lease, lease(0));
                assert_eq!(finished.log_length, 6);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(news, ["started", "step started", "step finished"]);
    let log = fs::read_to_string(runner.path("logs/1/0.1.log")).unwrap();
    assert_eq!(log, "hello\n");
    runner.send(Acknowledge { lease: lease(0) });
    let folder = runner.close().await;
    assert!(
        fs::read_dir(folder.path().join("slots"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[tokio::test]
async fn jobs_share_the_slots_in_the_order_of_their_coming() {
    let mut runner = Runner::start(2).await;
    let blocked = runner.path("go");
    let wait = format!("until [ -e {blocked} ]; do sleep 0.01; done");
    runner.assign(0, &wait);
    for job in 1..6 {
        runner.assign(job, "true");
    }
    for job in 1..6 {
        assert_eq!(runner.outcome().await, (job, "succeeded".to_owned()));
    }
    fs::write(blocked, "").unwrap();
    assert_eq!(runner.outcome().await, (0, "succeeded".to_owned()));
    runner.close().await;
}

#[tokio::test]
async fn what_waits_is_given_back_and_what_runs_is_not() {
    let mut runner = Runner::start(1).await;
    runner.assign(0, "sleep 1000");
    runner.assign(1, "true");
    runner.assign(2, "true");
    runner.runs(0).await;
    runner.send(Recall { lease: lease(0) });
    runner.send(Recall { lease: lease(1) });
    match runner.next().await {
        Body::Returned(returned) => assert_eq!(returned.lease, lease(1)),
        other => panic!("{other:?}"),
    }
    runner.send(stop(2));
    assert_eq!(runner.outcome().await, (2, "canceled: by ann".to_owned()));
    runner.send(stop(0));
    assert_eq!(runner.outcome().await, (0, "canceled: by ann".to_owned()));
    runner.close().await;
}

#[tokio::test]
async fn an_assignment_that_comes_twice_runs_once() {
    let mut runner = Runner::start(1).await;
    let count = runner.path("count");
    for _ in 0..3 {
        runner.assign(0, &format!("echo x >> {count}"));
    }
    assert_eq!(runner.outcome().await.0, 0);
    // Not acknowledged: the end is told again.
    runner.assign(0, "never");
    assert_eq!(runner.outcome().await, (0, "succeeded".to_owned()));
    runner.send(Acknowledge { lease: lease(0) });
    runner.assign(0, "never");
    runner.assign(1, "true");
    assert_eq!(runner.outcome().await.0, 1);
    assert_eq!(read(&count).await, "x");
    runner.close().await;
}

#[tokio::test]
async fn a_slot_that_is_killed_loses_its_job_and_nothing_else() {
    let mut runner = Runner::start(1).await;
    let left = runner.path("left");
    runner.assign(
        0,
        &format!("echo before; setsid sleep 1000 & echo $! > {left}; kill -9 $PPID; sleep 1000"),
    );
    let (job, outcome) = runner.outcome().await;
    assert_eq!(job, 0);
    insta::assert_snapshot!(outcome, @"lost: the slot process has ended (signal: 9 (SIGKILL))");
    assert!(!is_alive(&read(&left).await));
    runner.assign(1, "true");
    assert_eq!(runner.outcome().await, (1, "succeeded".to_owned()));
    runner.close().await;
}

#[tokio::test]
async fn a_slot_that_can_t_start_fails_the_job() {
    let mut runner = Runner::with(1, "/nowhere/gantry", GRACE).await;
    for job in 0..2 {
        runner.assign(job, "true");
        let (_, outcome) = runner.outcome().await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(outcome, @"failed: can't start /nowhere/gantry: No such file or directory (os error 2)");
        }
    }
    runner.close().await;
}

#[tokio::test]
async fn when_the_runner_goes_steps_are_stopped_politely() {
    // The test would take as long as this only where politeness fails.
    let mut runner = Runner::patient(LIMIT).await;
    let (running, told) = (runner.path("running"), runner.path("told"));
    runner.assign(
        0,
        &format!(
            "trap 'echo yes > {told}; exit' TERM
             echo $$ > {running}
             while :; do sleep 0.01; done"
        ),
    );
    let pid = read(&running).await;
    let folder = runner.close().await;
    let told = fs::read_to_string(folder.path().join("told")).unwrap();
    assert_eq!(told, "yes\n");
    assert!(!is_alive(&pid));
}

#[tokio::test]
async fn when_the_runner_goes_nothing_is_left() {
    let mut runner = Runner::start(2).await;
    let files = [runner.path("0"), runner.path("1")];
    for (job, file) in (0..).zip(&files) {
        runner.assign(
            job,
            &format!(
                "trap '' TERM
                 setsid sh -c 'trap \"\" TERM; echo $$ > {file}; while :; do sleep 0.01; done' &
                 wait"
            ),
        );
    }
    let pids = [read(&files[0]).await, read(&files[1]).await];
    runner.close().await;
    for pid in pids {
        assert!(!is_alive(&pid));
    }
}

#[tokio::test]
async fn a_worker_that_drains_gives_back_what_waits() {
    let mut runner = Runner::start(1).await;
    let go = runner.path("go");
    runner.assign(0, &format!("until [ -e {go} ]; do sleep 0.01; done"));
    runner.runs(0).await;
    runner.assign(1, "true");
    runner.send(Drain { drain: true });
    runner.assign(2, "true");
    for job in 1..3 {
        match runner.next().await {
            Body::Returned(returned) => assert_eq!(returned.lease, lease(job)),
            other => panic!("{other:?}"),
        }
    }
    fs::write(go, "").unwrap();
    assert_eq!(runner.outcome().await, (0, "succeeded".to_owned()));
    runner.send(Drain { drain: false });
    runner.assign(3, "true");
    assert_eq!(runner.outcome().await, (3, "succeeded".to_owned()));
    runner.close().await;
}

#[tokio::test]
async fn a_runner_of_another_version_is_refused() {
    let mut runner = Runner::dial(1, SLOT, GRACE).await;
    runner.send(Welcome {
        protocol: 99,
        heartbeat_ms: 1,
    });
    let error = runner.worker.await.unwrap().unwrap_err();
    insta::assert_snapshot!(error, @"the runner speaks version 99 of the protocol, this worker version 1");
}

#[tokio::test]
async fn it_is_heard_of_while_it_is_idle() {
    let mut runner = Runner::dial(1, SLOT, GRACE).await;
    runner.send(Welcome {
        protocol: PROTOCOL_VERSION,
        heartbeat_ms: 1,
    });
    for _ in 0..3 {
        assert!(matches!(runner.next().await, Body::Heartbeat(_)));
    }
    runner.close().await;
}

#[tokio::test]
async fn nonsense_is_refused_and_the_session_goes_on() {
    let mut runner = Runner::start(1).await;
    runner.send(Assign::default());
    runner.send(Assign {
        lease: lease(0),
        ..Assign::default()
    });
    assert_eq!(runner.outcome().await.0, 0);
    runner.send(Stop::default());
    runner.send(Recall { lease: lease(7) });
    runner.send(Acknowledge { lease: lease(7) });
    runner.send(ToWorker { body: None });
    runner.assign(1, "true");
    assert_eq!(runner.outcome().await, (1, "succeeded".to_owned()));
    runner.close().await;
}
