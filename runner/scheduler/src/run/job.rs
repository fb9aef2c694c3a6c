//! A job (or an approval) for one element: compact, since there may be a million.

use super::GroupIdx;
use crate::locks::LockName;
use crate::queue::ClassId;
use crate::record::StepRow;
use crate::workers::WorkerIdx;
use model::ids::{Token, WorkerId};
use model::outcome::Outcome;
use model::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A job.
#[derive(Debug)]
pub(crate) struct Job {
    pub group: GroupIdx,
    /// How many attempts were made.
    pub n_attempts: u32,
    /// Whether its row is to be written.
    pub is_dirty: bool,
    pub state: State,
    /// Its place among those that wait for a slot: lower ones first.
    pub rank: i64,
    /// Which workers may run it; known when it is ready.
    pub class: Option<ClassId>,
    /// When all that it waited for was there.
    pub ready_at: Moment,
    /// When its last attempt began.
    pub started_at: Moment,
    /// When it ended.
    pub finished_at: Moment,
    /// What only a job has that runs, or gave, holds or decides something.
    pub details: Option<Box<Details>>,
}

/// Where a job is.
#[derive(Debug)]
pub(crate) enum State {
    /// Something that it waits for has not come.
    Waiting,
    /// Its turn in its fan-out has not come.
    Due,
    /// Waits for what others hold.
    Blocked {
        /// The place in the queue.
        ticket: u64,
    },
    /// An approval: waits for people.
    Asking,
    /// Waits for a slot.
    Queued,
    /// Waits for its next attempt.
    Retrying {
        /// When, by the monotonic clock.
        at_ms: u64,
        /// When, by the wall clock.
        at_wall_ms: i64,
    },
    /// Sent to a worker.
    Assigned { lease: Lease },
    /// Runs.
    Running { lease: Lease },
    /// A person must decide.
    Held {
        reason: Arc<str>,
        worker: WorkerId,
        token: Token,
    },
    /// It has ended.
    Ended(Ending),
}

/// The right of one worker to one attempt.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub worker: WorkerIdx,
    pub token: Token,
    /// Who or what ended the attempt, where it was told to stop.
    pub stopping: Option<Arc<str>>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    pub outcome: Outcome,
    /// Whether a failure was passed over.
    pub allowed: bool,
}

/// What few jobs have at a time.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub outputs: BTreeMap<String, Value>,
    pub produced: Option<String>,
    /// The yes votes of an approval: person and time.
    pub approvals: BTreeMap<String, i64>,
    /// When an approval expires, by the monotonic clock.
    pub expires_ms: Option<u64>,
    /// What it holds, or waits for.
    pub locks: Vec<LockName>,
    /// Steps that have begun and not ended, in this attempt.
    pub open_steps: Vec<StepRow>,
    /// The first step that was not heard of yet, in this attempt.
    pub next_step: u32,
}

/// A time of the wall clock, or never: half the size of an `Option`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) const NEVER: Self = Self(i64::MIN);

    pub(crate) fn get(self) -> Option<i64> {
        (self != Self::NEVER).then_some(self.0)
    }
}

impl From<Option<i64>> for Moment {
    fn from(ms: Option<i64>) -> Self {
        ms.map_or(Self::NEVER, Self)
    }
}

impl Job {
    pub(crate) fn new(group: GroupIdx) -> Self {
        Self {
            group,
            n_attempts: 0,
            is_dirty: false,
            state: State::Waiting,
            rank: 0,
            class: None,
            ready_at: Moment::NEVER,
            started_at: Moment::NEVER,
            finished_at: Moment::NEVER,
            details: None,
        }
    }

    pub(crate) fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    pub(crate) fn ending(&self) -> Option<&Ending> {
        match &self.state {
            State::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ending().is_some()
    }

    /// The lease, where a worker has one.
    pub(crate) fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Assigned { lease } | State::Running { lease } => Some(lease),
            _ => None,
        }
    }
}

impl Ending {
    /// Whether what it belongs to fails by it.
    pub(crate) fn is_failure(&self) -> bool {
        self.outcome.is_failure() && !self.allowed
    }
}
