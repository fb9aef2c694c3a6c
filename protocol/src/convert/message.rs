//! Bodies become whole messages, so that a sender writes `tx.send(Started { … }.into())`; and what a
//! message shows of itself in a log.

use crate::v1::{self, to_runner, to_worker};
use std::fmt;

macro_rules! bodies {
    ($message:ident, $module:ident: $($body:ident),+) => {$(
        impl From<v1::$body> for v1::$message {
            fn from(body: v1::$body) -> Self {
                Self { body: Some($module::Body::$body(body)) }
            }
        }
    )+};
}

bodies!(
    ToRunner, to_runner: Register, Heartbeat, Started, StepStarted, StepFinished, LogGrew, Finished,
    Returned
);
bodies!(ToWorker, to_worker: Welcome, Recall, Stop, Acknowledge, Drain);

impl From<v1::Assign> for v1::ToWorker {
    fn from(assign: v1::Assign) -> Self {
        Self {
            body: Some(to_worker::Body::Assign(Box::new(assign))),
        }
    }
}

/// By hand, since the values of secrets must never reach a log.
impl fmt::Debug for v1::Assign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lease,
            lease_ms,
            prefetch,
            spec,
            secrets,
            source,
        } = self;
        f.debug_struct("Assign")
            .field("lease", lease)
            .field("lease_ms", lease_ms)
            .field("prefetch", prefetch)
            .field("spec", spec)
            .field("secrets", &secrets.keys())
            .field("source", source)
            .finish()
    }
}
