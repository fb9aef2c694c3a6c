//! A worker's session: its messages become events of the engine, on a task of its own, so that a worker
//! that floods or stalls holds nobody but itself. What makes no sense is refused and logged, never fatal.

use super::event::{EngineEvent, SessionId};
use model::ids::WorkerId;
use model::outcome::{Failure, Outcome};
use model::value::Value;
use protocol::convert::{Problem, facts_from_wire, outputs_from_wire, required};
use protocol::link::RunnerEnd;
use protocol::v1::to_runner::Body;
use protocol::v1::{self, ToRunner, ToWorker};
use protocol::{ConvertError, Lease, PROTOCOL_VERSION};
use scheduler::Input;
use scheduler::input::{AttemptResult, Registration, StepBegin};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

/// How often a worker is to be heard of; three of these without one, and nothing more is sent there.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long a new session may be silent. It has one message to send, at once.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(10);

/// How many messages are taken from a session at a time: as many as a batch of the engine holds.
const TAKE: usize = 256;

/// Carries messages in both directions until one side ends the session.
///
/// What the engine sends has no bound of its own here: it is bounded by what the scheduler lets a
/// worker hold, and a worker that doesn't take it is found unreachable.
pub(super) async fn serve(
    session: SessionId,
    end: RunnerEnd,
    mut outbox: mpsc::UnboundedReceiver<ToWorker>,
    engine: mpsc::Sender<EngineEvent>,
) {
    let RunnerEnd { tx, mut rx } = end;
    let outgoing = async {
        while let Some(message) = outbox.recv().await {
            if tx.send(message).await.is_err() {
                break;
            }
        }
    };
    let incoming = async {
        let Some(worker) = register(session, &mut rx, &engine).await else {
            // Says which version is spoken here, for the log of the other side.
            let _ = tx.send(welcome().into()).await;
            return;
        };
        let mut messages = Vec::with_capacity(TAKE);
        while rx.recv_many(&mut messages, TAKE).await > 0 {
            for message in messages.drain(..) {
                match input(worker, message) {
                    Ok(input) => {
                        if engine.send(EngineEvent::FromWorker(input)).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => warn!(%worker, "refused a message of a worker: {error}"),
                }
            }
        }
    };
    tokio::select! {
        () = outgoing => {}
        () = incoming => {}
    }
}

/// Reads the first message, which says who it is, and lets the engine give it its id. `None`: the
/// session ends.
async fn register(
    session: SessionId,
    rx: &mut mpsc::Receiver<ToRunner>,
    engine: &mpsc::Sender<EngineEvent>,
) -> Option<WorkerId> {
    let first = match tokio::time::timeout(REGISTER_TIMEOUT, rx.recv()).await {
        Ok(first) => first?,
        Err(_) => {
            warn!(%session, "refused a worker: it didn't say who it is");
            return None;
        }
    };
    let Some(Body::Register(register)) = first.body else {
        warn!(%session, "refused a worker: its first message doesn't say who it is");
        return None;
    };
    if register.protocol != PROTOCOL_VERSION {
        warn!(
            %session,
            "refused worker `{}`: it speaks version {} of the protocol, this runner version \
             {PROTOCOL_VERSION}",
            register.name, register.protocol
        );
        return None;
    }
    let hello = Hello::try_from(register)
        .inspect_err(|error| warn!(%session, "refused a worker: {error}"))
        .ok()?;
    let (reply, id) = oneshot::channel();
    let registered = EngineEvent::Registered {
        session,
        hello,
        reply,
    };
    engine.send(registered).await.ok()?;
    id.await.ok()
}

/// What a worker is told when it is known.
pub(super) fn welcome() -> v1::Welcome {
    v1::Welcome {
        protocol: PROTOCOL_VERSION,
        heartbeat_ms: HEARTBEAT.as_millis() as u64,
    }
}

/// What a worker says of itself; its id is the engine's to give.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) name: String,
    labels: BTreeSet<String>,
    facts: BTreeMap<String, Value>,
    n_slots: u32,
    n_prefetch: u32,
    held: Vec<Lease>,
}

impl TryFrom<v1::Register> for Hello {
    type Error = ConvertError;

    fn try_from(register: v1::Register) -> Result<Self, ConvertError> {
        let held = register.held.into_iter().enumerate();
        Ok(Self {
            name: register.name,
            labels: register.labels.into_iter().collect(),
            facts: facts_from_wire(register.facts)?,
            n_slots: register.n_slots,
            n_prefetch: register.n_prefetch,
            held: held
                .map(|(n, lease)| required(Some(lease), &format!("held[{n}]")))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Hello {
    pub(super) fn held(&self) -> impl Iterator<Item = Lease> {
        self.held.iter().copied()
    }

    pub(super) fn into_registration(self, worker: WorkerId) -> Registration {
        Registration {
            worker,
            name: self.name,
            labels: self.labels,
            facts: self.facts,
            n_slots: self.n_slots,
            n_prefetch: self.n_prefetch,
            held: self
                .held
                .into_iter()
                .map(|Lease { attempt, token }| (attempt, token))
                .collect(),
        }
    }
}

/// What a later message of a worker means.
fn input(worker: WorkerId, message: ToRunner) -> Result<Input, ConvertError> {
    let body = message
        .body
        .ok_or_else(|| ConvertError::new("body", Problem::Missing))?;
    Ok(match body {
        Body::Register(_) => {
            let again = Problem::Forbidden("a second `register`");
            return Err(ConvertError::new("body", again));
        }
        Body::Heartbeat(v1::Heartbeat {}) => Input::Heartbeat { worker },
        Body::Started(v1::Started { lease }) => {
            let Lease { attempt, token } = required(lease, "lease")?;
            Input::Started {
                worker,
                attempt,
                token,
            }
        }
        Body::StepStarted(message) => {
            let Lease { attempt, token } = required(message.lease, "lease")?;
            let step = StepBegin {
                step: message.step,
                name: message.name,
                place: required(message.place, "place")?,
                log_from: message.log_from,
            };
            Input::StepStarted {
                worker,
                attempt,
                token,
                step,
            }
        }
        Body::StepFinished(message) => {
            let Lease { attempt, token } = required(message.lease, "lease")?;
            Input::StepFinished {
                worker,
                attempt,
                token,
                step: message.step,
                end: required(message.end, "end")?,
                log_to: message.log_to,
                took_ms: message.took_ms,
            }
        }
        Body::LogGrew(v1::LogGrew { lease, length }) => {
            let Lease { attempt, token } = required(lease, "lease")?;
            Input::LogGrew {
                worker,
                attempt,
                token,
                length,
            }
        }
        Body::Finished(message) => {
            let Lease { attempt, token } = required(message.lease, "lease")?;
            Input::Finished {
                worker,
                attempt,
                token,
                result: result(message),
            }
        }
        Body::Returned(v1::Returned { lease, reason: _ }) => {
            let Lease { attempt, token } = required(lease, "lease")?;
            Input::Returned {
                worker,
                attempt,
                token,
            }
        }
    })
}

/// How an attempt ended. A result that makes no sense is a result too: its worker has nothing better,
/// and the job must end.
fn result(message: v1::Finished) -> AttemptResult {
    let sense = || {
        let outcome = required(message.outcome, "outcome")?;
        Ok((outcome, outputs_from_wire(message.outputs)?))
    };
    let (outcome, outputs) = sense().unwrap_or_else(|error: ConvertError| {
        let message = format!("its worker sent a result that makes no sense: {error}");
        let failure = Failure::System { message };
        (Outcome::Failed { failure }, BTreeMap::new())
    });
    AttemptResult {
        outcome,
        outputs,
        produced: message.produced,
        log_length: message.log_length,
        took_ms: message.took_ms,
    }
}
