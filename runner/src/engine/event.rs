//! What the engine's loop hears of: one enum, one queue.

use super::handle::{SubmitError, SubmitRequest};
use super::session::Hello;
use super::subscription::Subscription;
use model::ids::{JobId, RunId, WorkerId};
use protocol::link::RunnerEnd;
use scheduler::{Explanation, Input};
use std::fmt;
use tokio::sync::oneshot;

/// One connection of a worker. A worker that comes back has a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SessionId(pub(super) u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that happened.
pub(super) enum EngineEvent {
    /// A run is wanted.
    Submit {
        request: Box<SubmitRequest>,
        reply: oneshot::Sender<Result<Subscription, SubmitError>>,
    },
    /// A run is to end.
    Cancel { run: RunId, by: String },
    /// Somebody wants to watch a run.
    Subscribe {
        run: RunId,
        reply: oneshot::Sender<Option<Subscription>>,
    },
    /// Somebody asks what a job does or waits for.
    Explain {
        run: RunId,
        job: JobId,
        reply: oneshot::Sender<Option<Explanation>>,
    },
    /// A worker dialed.
    Attach(RunnerEnd),
    /// It said who it is.
    Registered {
        session: SessionId,
        hello: Hello,
        reply: oneshot::Sender<WorkerId>,
    },
    /// A worker that is known said something.
    FromWorker(Input),
    /// Its connection is gone, and all that it said came before.
    SessionEnded { session: SessionId },
    /// The engine is to end.
    Shutdown,
}
