//! What the scheduler wants done. The engine writes all [`Effect::Record`]s of a batch in one
//! transaction, and only then carries out the rest, in order.

use crate::record::Change;
use model::event::EventKind;
use model::ids::{AttemptId, RunId, Token, WorkerId};
use model::spec::JobSpec;
use std::sync::Arc;

/// Something to be done outside.
#[derive(Debug, Clone)]
pub enum Effect {
    /// To be stored before anything else of the batch is done.
    Record(Change),
    /// To be sent to a worker.
    Dispatch(Dispatch),
    /// An assigned attempt that has not started is wanted back; answered by
    /// [`Input::Returned`](crate::Input::Returned) or `Started`.
    Recall {
        /// From whom.
        worker: WorkerId,
        /// Which.
        attempt: AttemptId,
        /// The token that it was sent with.
        token: Token,
    },
    /// An attempt is to end: politely, then by force.
    Stop {
        /// At whom.
        worker: WorkerId,
        /// Which.
        attempt: AttemptId,
        /// The token that it was sent with.
        token: Token,
        /// Why, for its log: `canceled by ann`.
        reason: String,
    },
    /// A terminal result is stored (or is of no interest any more); the worker may forget it.
    Acknowledge {
        /// To whom.
        worker: WorkerId,
        /// Which.
        attempt: AttemptId,
        /// The token that it came with.
        token: Token,
    },
    /// [`Input::Wake`](crate::Input::Wake) is wanted at this time of the monotonic clock. Each
    /// replaces the one before; `None`: no wish.
    WakeAt(Option<u64>),
    /// To be shown to whoever watches the run.
    Publish {
        /// The run.
        run: RunId,
        /// What happened.
        event: EventKind,
    },
}

/// An attempt for a worker.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// To whom.
    pub worker: WorkerId,
    /// Which.
    pub attempt: AttemptId,
    /// The fencing token of its lease.
    pub token: Token,
    /// What to do.
    pub spec: Arc<JobSpec>,
    /// The length of the lease, in milliseconds.
    pub lease_ms: u64,
    /// Whether the worker may keep it unstarted beside running ones and give it back when recalled.
    pub prefetch: bool,
}
