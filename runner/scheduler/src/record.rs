//! What is stored: rows of the present state, not history. A later row of the same key replaces the
//! earlier one, within a batch too. Restoring a scheduler reads the rows of all live runs.

use crate::input::Selection;
use model::event::StepEnd;
use model::ids::{AttemptId, JobId, NodeId, RunId, Token, WorkerId};
use model::outcome::Outcome;
use model::plan::Plan;
use model::spec::Place;
use model::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A row to be written.
#[derive(Debug, Clone)]
pub enum Change {
    /// Once per run, with its plan.
    Plan {
        /// The run.
        run: RunId,
        /// Immutable.
        plan: Arc<Plan>,
    },
    /// The state of a run; key: `run`.
    Run(RunRow),
    /// The state of a job (or approval) that has left Waiting; key: `run, job`.
    Job(JobRow),
    /// What a fan-out or stage that only the run could know has become; key: `run, scope, node`.
    FanOut(FanOutRow),
    /// The state of a stage for one element that has left Waiting; key: `run, node, elements`.
    Stage(StageRow),
    /// A step of an attempt; key: `attempt, step`.
    Step(StepRow),
    /// A bound: all tokens that were granted are at most this; tokens after a restart are higher.
    Token(Token),
}

/// All rows of a run that has not ended: what [`Scheduler::restore`](crate::Scheduler::restore) reads.
#[derive(Debug, Clone)]
pub struct LiveRun {
    /// Its plan.
    pub plan: Arc<Plan>,
    /// Its own row.
    pub run: RunRow,
    /// All of its jobs, in any order.
    pub jobs: Vec<JobRow>,
    /// All of its fan-outs, in any order.
    pub fan_outs: Vec<FanOutRow>,
    /// All of its stages, in any order.
    pub stages: Vec<StageRow>,
    /// Steps without an end; others are passed over. It may be empty: then the end of a step that
    /// began before the restart is recorded with what the plan says about it.
    pub steps: Vec<StepRow>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// Key.
    pub run: RunId,
    /// Who or what started it.
    pub by: String,
    /// Wall clock, in milliseconds since 1970.
    pub submitted_ms: i64,
    /// Which nodes were asked for; absent: all.
    pub selected: Option<BTreeSet<NodeId>>,
    /// `--keep-going`.
    pub keep_going: bool,
    /// Who or what canceled it, where somebody did: a person, `run 18`, or [`RUN_TIMEOUT`].
    pub canceled_by: Option<String>,
    /// How it ended; absent while it is alive.
    pub outcome: Option<Outcome>,
    /// When it ended, by the wall clock.
    pub finished_ms: Option<i64>,
}

/// What cancels a run that takes too long. No person is called so.
pub const RUN_TIMEOUT: &str = "the run's timeout";

impl RunRow {
    /// The selection as it was submitted.
    #[must_use]
    pub fn selection(&self) -> Selection {
        self.selected
            .clone()
            .map_or(Selection::All, Selection::Nodes)
    }
}

/// A job of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// Key.
    pub run: RunId,
    /// Key.
    pub job: JobId,
    /// The node of the plan.
    pub node: NodeId,
    /// The values of the `for` variables of its stages (outermost first) and its own, per level.
    pub elements: Vec<Vec<Value>>,
    /// Its name with its elements.
    pub name: String,
    /// Where it is.
    pub state: JobState,
    /// How many attempts were made (the last one's number).
    pub n_attempts: u32,
    /// What it gave.
    pub outputs: BTreeMap<String, Value>,
    /// The manifest of what it produced.
    pub produced: Option<String>,
    /// When all that it waited for was there, by the wall clock.
    pub ready_ms: Option<i64>,
    /// When its last attempt began.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub finished_ms: Option<i64>,
    /// The yes votes of an approval: person and time.
    pub approvals: BTreeMap<String, i64>,
}

/// Where a recorded job is. (Waiting is not recorded: it follows from the plan.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum JobState {
    /// Waits for a slot.
    Queued,
    /// Waits for a lock or an environment that others hold.
    Blocked {
        /// What it is called.
        lock: String,
        /// Its place in that queue: lower ones first.
        ticket: u64,
    },
    /// An approval: waits for people.
    Asking,
    /// Waits for its next attempt.
    Retrying {
        /// When, by the wall clock.
        at_ms: i64,
    },
    /// Sent to a worker, not yet started.
    Assigned {
        /// The worker.
        worker: WorkerId,
        /// The token of its lease.
        token: Token,
    },
    /// Runs.
    Running {
        /// The worker.
        worker: WorkerId,
        /// The token of its lease.
        token: Token,
        /// Why it was told to stop, where it was.
        stopping: Option<String>,
    },
    /// Its worker is gone and it may not be run twice: a person decides, or the worker comes back.
    Held {
        /// Why.
        reason: String,
        /// The worker that is gone.
        worker: WorkerId,
        /// The token of its last lease.
        token: Token,
    },
    /// It has ended.
    Ended {
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// Whether a failure was passed over.
        allowed: bool,
    },
}

/// A fan-out or a stage in one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FanOutRow {
    /// Key.
    pub run: RunId,
    /// Key: the elements of the stages around it, outermost first.
    pub scope: Vec<Vec<Value>>,
    /// Key.
    pub node: NodeId,
    /// Its elements, frozen.
    pub elements: Vec<Vec<Value>>,
    /// The id of the first job that was created for it; the rest follow it in order.
    pub first_job: JobId,
}

/// A stage for one element of its fan-out (or for its only one).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRow {
    /// Key.
    pub run: RunId,
    /// Key.
    pub node: NodeId,
    /// Key: the values of the `for` variables of the stages around it (outermost first) and its own,
    /// per level.
    pub elements: Vec<Vec<Value>>,
    /// Where it is.
    pub state: StageState,
}

/// Where a recorded stage is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum StageState {
    /// Waits for a lock or an environment that others hold.
    Blocked {
        /// What it is called.
        lock: String,
        /// Its place in that queue: lower ones first.
        ticket: u64,
    },
    /// Its jobs may run; what it locks is held.
    Entered,
    /// It has ended.
    Ended {
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
    },
}

/// A step of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRow {
    /// Key.
    pub attempt: AttemptId,
    /// Key: its index among all steps of the attempt.
    pub step: u32,
    /// What it is called.
    pub name: String,
    /// Where it stands in the pipeline file.
    pub place: Place,
    /// Where its output begins in the log.
    pub log_from: u64,
    /// When it began, by the wall clock.
    pub started_ms: i64,
    /// How it ended, where its output ends and how long it took; absent while it runs.
    pub end: Option<(StepEnd, u64, u64)>,
}
