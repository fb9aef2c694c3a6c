//! What happens in a run, as watchers see it: printers, the JSON event stream, later the pages.

use crate::ids::{JobId, NodeId, RunId};
use crate::outcome::Outcome;
use crate::spec::Place;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the event stream. New kinds and fields come without a new version; readers pass
/// over what they don't know.
pub const EVENT_VERSION: u32 = 1;

/// Something that happened, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// [`EVENT_VERSION`].
    pub v: u32,
    /// Counts from 1 within a run, without gaps.
    pub seq: u64,
    /// The wall clock, in milliseconds since 1970.
    pub at_ms: i64,
    /// The run.
    pub run: RunId,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum EventKind {
    /// The run exists.
    RunStarted {
        /// The pipeline.
        pipeline: String,
        /// What started it.
        trigger: String,
        /// The commit; empty outside a repository.
        commit: String,
        /// How many jobs are known from the start.
        n_jobs: u32,
    },
    /// A job came to be: at the start of the run, or when a fan-out was decided.
    JobCreated {
        /// The job.
        job: JobId,
        /// The node of the plan.
        node: NodeId,
        /// Its name with its elements.
        name: String,
    },
    /// All that the job waited for is there; it waits for a slot (or a lock, or its turn).
    JobReady {
        /// The job.
        job: JobId,
    },
    /// An attempt runs.
    JobStarted {
        /// The job.
        job: JobId,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// The name of the worker.
        worker: String,
    },
    /// A step began.
    StepStarted {
        /// The job.
        job: JobId,
        /// The attempt.
        attempt: u32,
        /// Its index in the list of all steps of the job: main ones, then hooks as they come.
        step: u32,
        /// What it is called.
        name: String,
        /// Where it stands in the pipeline file.
        place: Place,
        /// Where its output begins in the attempt's log, in bytes.
        log_from: u64,
    },
    /// A step ended.
    StepFinished {
        /// The job.
        job: JobId,
        /// The attempt.
        attempt: u32,
        /// Its index.
        step: u32,
        /// How.
        end: StepEnd,
        /// Where its output ends in the attempt's log, in bytes.
        log_to: u64,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// The attempt's log has grown to this length. Comes at a bounded rate, not for every write.
    LogGrew {
        /// The job.
        job: JobId,
        /// The attempt.
        attempt: u32,
        /// Its length in bytes.
        length: u64,
    },
    /// An attempt ended, and the job will be tried again.
    JobRetried {
        /// The job.
        job: JobId,
        /// The attempt that ended.
        attempt: u32,
        /// How.
        outcome: Outcome,
        /// When the next one may start, in milliseconds from now.
        delay_ms: u64,
    },
    /// The job has ended.
    JobFinished {
        /// The job.
        job: JobId,
        /// The last attempt; 0 where there was none.
        attempt: u32,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// Whether a failure was passed over (`allow_failure`).
        allowed: bool,
        /// Its outputs.
        outputs: BTreeMap<String, Value>,
        /// How long the last attempt took, in milliseconds.
        took_ms: u64,
    },
    /// The elements of a fan-out that only the run could know are decided.
    FannedOut {
        /// The node.
        node: NodeId,
        /// How many elements.
        n_elements: u32,
    },
    /// Something that people should know, and that ended nothing.
    Warning {
        /// What.
        message: String,
    },
    /// The run has ended; nothing follows.
    RunFinished {
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum StepEnd {
    /// With an exit code (or an artifact kept) that counts as success.
    Succeeded,
    /// With this exit code.
    Exit {
        /// The code.
        code: i32,
    },
    /// By this signal.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// It could not be started, or its work could not be done.
    Error {
        /// Why.
        message: String,
    },
    /// It took longer than its timeout, or the job's.
    TimedOut,
    /// It was stopped.
    Stopped,
    /// Its `when` is false.
    Skipped {
        /// As it is written.
        condition: String,
    },
}
