//! A worker without a machine: it does at once what a test says, and keeps what it holds over its
//! sessions, as a real one does.

use model::outcome::{Failure, Outcome};
use prost::Message;
use protocol::link::{self, RunnerEnd, WorkerEnd};
use protocol::v1::{self, ToRunner, to_worker::Body};
use protocol::{Lease, PROTOCOL_VERSION};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::mpsc;

/// What an attempt does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Succeeds at once.
    Succeed,
    /// Its step ends with this code.
    Fail(i32),
    /// Goes on until it is stopped.
    Hang,
    /// Starts, and sends that its log has grown so many times before it succeeds.
    Chatter(u32),
}

/// How long it is silent.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Decides by the name of a job and the number of the attempt.
pub type Script = Box<dyn FnMut(&str, u32) -> Act + Send>;

/// A worker; its state outlives its sessions.
pub struct FakeWorker {
    pub name: String,
    pub n_slots: u32,
    pub script: Script,
    /// Whether the runner handles each message before the next one comes.
    pub is_slow: bool,
    /// What it was sent and was not told to forget.
    held: BTreeMap<Lease, Attempt>,
    /// All attempts that it ever began, to see that none began twice.
    pub begun: Vec<(String, Lease)>,
}

enum Attempt {
    Running,
    Ended(v1::Finished),
}

impl FakeWorker {
    pub fn new(n_slots: u32, script: impl FnMut(&str, u32) -> Act + Send + 'static) -> Self {
        Self {
            name: "fake".to_owned(),
            n_slots,
            script: Box::new(script),
            is_slow: false,
            held: BTreeMap::new(),
            begun: Vec::new(),
        }
    }

    /// Serves one session until the runner ends it.
    pub async fn serve(&mut self, end: WorkerEnd) {
        let WorkerEnd { tx, mut rx } = end;
        if tx.send(self.register().into()).await.is_err() {
            return;
        }
        // A result is resent until it is acknowledged.
        for attempt in self.held.values() {
            if let Attempt::Ended(finished) = attempt {
                let _ = tx.send(finished.clone().into()).await;
            }
        }
        loop {
            let message = match tokio::time::timeout(HEARTBEAT, rx.recv()).await {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(_) => {
                    let _ = tx.send(v1::Heartbeat {}.into()).await;
                    continue;
                }
            };
            for answer in self.answer(message) {
                if tx.send(answer).await.is_err() {
                    return;
                }
                if self.is_slow {
                    // As a real one does, whose messages come when things happen.
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn register(&self) -> v1::Register {
        v1::Register {
            protocol: PROTOCOL_VERSION,
            name: self.name.clone(),
            labels: vec!["linux".to_owned()],
            facts: BTreeMap::new(),
            n_slots: self.n_slots,
            n_prefetch: 0,
            held: self.held.keys().map(|lease| (*lease).into()).collect(),
        }
    }

    fn answer(&mut self, message: v1::ToWorker) -> Vec<ToRunner> {
        match message.body.expect("runners send whole messages") {
            Body::Assign(assign) => self.begin(*assign),
            Body::Stop(stop) => {
                let lease = lease(stop.lease);
                match self.held.get(&lease) {
                    Some(Attempt::Running) => vec![
                        step_finished(lease, v1::step_end::End::Stopped(v1::Nothing {})),
                        self.end(lease, &canceled(stop.reason)),
                    ],
                    _ => vec![],
                }
            }
            Body::Recall(recall) => {
                // It was begun at once, so there is nothing to give back.
                let _ = lease(recall.lease);
                vec![]
            }
            Body::Acknowledge(acknowledge) => {
                self.held.remove(&lease(acknowledge.lease));
                vec![]
            }
            Body::Welcome(_) | Body::Drain(_) => vec![],
        }
    }

    fn begin(&mut self, assign: v1::Assign) -> Vec<ToRunner> {
        let lease = lease(assign.lease);
        let name = assign.spec.expect("an assignment has a spec").name;
        let act = (self.script)(&name, lease.attempt.number);
        self.begun.push((name, lease));
        self.held.insert(lease, Attempt::Running);
        let wire = Some(v1::Lease::from(lease));
        let mut said: Vec<ToRunner> = vec![
            v1::Started { lease: wire }.into(),
            v1::StepStarted {
                lease: wire,
                step: 0,
                name: "true".to_owned(),
                place: Some(v1::Place { line: 1, column: 1 }),
                log_from: 0,
            }
            .into(),
        ];
        let outcome = match act {
            Act::Hang => return said,
            Act::Succeed => Outcome::Succeeded,
            Act::Fail(code) => Outcome::Failed {
                failure: Failure::Exit { step: 0, code },
            },
            Act::Chatter(n) => {
                said.extend((1..=n).map(|length| {
                    let length = length.into();
                    ToRunner::from(v1::LogGrew {
                        lease: wire,
                        length,
                    })
                }));
                Outcome::Succeeded
            }
        };
        let end = match act {
            Act::Fail(code) => v1::step_end::End::Exit(code),
            _ => v1::step_end::End::Succeeded(v1::Nothing {}),
        };
        said.push(step_finished(lease, end));
        said.push(self.end(lease, &outcome));
        said
    }

    fn end(&mut self, lease: Lease, outcome: &Outcome) -> ToRunner {
        let finished = v1::Finished {
            lease: Some(lease.into()),
            outcome: Some(outcome.into()),
            outputs: BTreeMap::new(),
            produced: None,
            log_length: 0,
            took_ms: 1,
        };
        self.held.insert(lease, Attempt::Ended(finished.clone()));
        finished.into()
    }

    /// What runs ends well, whether somebody is told or not.
    pub fn finish_all(&mut self) {
        for lease in self.held() {
            if matches!(self.held[&lease], Attempt::Running) {
                self.end(lease, &Outcome::Succeeded);
            }
        }
    }

    /// How many attempts go on.
    pub fn n_running(&self) -> usize {
        let attempts = self.held.values();
        attempts
            .filter(|attempt| matches!(attempt, Attempt::Running))
            .count()
    }

    /// The leases that it still holds.
    pub fn held(&self) -> BTreeSet<Lease> {
        self.held.keys().copied().collect()
    }
}

fn lease(lease: Option<v1::Lease>) -> Lease {
    let lease = lease.expect("runners name the lease");
    Lease::try_from(lease).expect("runners send leases that make sense")
}

fn step_finished(lease: Lease, end: v1::step_end::End) -> ToRunner {
    let message = v1::StepFinished {
        lease: Some(lease.into()),
        step: 0,
        end: Some(v1::StepEnd { end: Some(end) }),
        log_to: 0,
        took_ms: 1,
    };
    message.into()
}

fn canceled(by: String) -> Outcome {
    Outcome::Canceled { by }
}

/// A link on which every message really is encoded and decoded, as on a socket.
pub fn encoded_link() -> (RunnerEnd, WorkerEnd) {
    async fn relay<M: Message + Default>(mut from: mpsc::Receiver<M>, to: mpsc::Sender<M>) {
        while let Some(message) = from.recv().await {
            let message = M::decode(&message.encode_to_vec()[..]).expect("own bytes are readable");
            if to.send(message).await.is_err() {
                return;
            }
        }
    }
    let (runner, near_runner) = link::in_memory();
    let (near_worker, worker) = link::in_memory();
    tokio::spawn(relay(near_runner.rx, near_worker.tx));
    tokio::spawn(relay(near_worker.rx, near_runner.tx));
    (runner, worker)
}
