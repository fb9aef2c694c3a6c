//! A session inside one process: the protocol's own messages through bounded channels.

use crate::v1::{ToRunner, ToWorker};
use tokio::sync::mpsc;

/// How many messages may be on their way in each direction. More than a worker's slots ever have
/// open at once; a full channel makes the sender wait, which is the backpressure of a socket too.
const LINK_CAPACITY: usize = 1024;

/// The runner's end of a session.
#[derive(Debug)]
pub struct RunnerEnd {
    /// To the worker.
    pub tx: mpsc::Sender<ToWorker>,
    /// From the worker; `None` when it is gone.
    pub rx: mpsc::Receiver<ToRunner>,
}

/// The worker's end of a session.
#[derive(Debug)]
pub struct WorkerEnd {
    /// To the runner.
    pub tx: mpsc::Sender<ToRunner>,
    /// From the runner; `None` when it is gone.
    pub rx: mpsc::Receiver<ToWorker>,
}

/// Makes both ends of a session.
#[must_use]
pub fn in_memory() -> (RunnerEnd, WorkerEnd) {
    let (to_worker, from_runner) = mpsc::channel(LINK_CAPACITY);
    let (to_runner, from_worker) = mpsc::channel(LINK_CAPACITY);
    (
        RunnerEnd {
            tx: to_worker,
            rx: from_worker,
        },
        WorkerEnd {
            tx: to_runner,
            rx: from_runner,
        },
    )
}
