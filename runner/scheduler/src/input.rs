//! What the scheduler is told. All of it may be late, doubled, out of order or wrong: what a peer
//! sent is checked and refused, never asserted.

use model::event::StepEnd;
use model::ids::{AttemptId, JobId, NodeId, RunId, Token, WorkerId};
use model::outcome::Outcome;
use model::plan::{EdgeKind, NodeKind, Phase, Plan};
use model::spec::Place;
use model::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The time at which an input is handled; both clocks are read by the shell around the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// A clock that never jumps, in milliseconds; deadlines are made of it. Starts anywhere.
    pub mono_ms: u64,
    /// The clock on the wall, in milliseconds since 1970; only recorded, never compared.
    pub wall_ms: i64,
}

/// Something that happened outside.
#[derive(Debug, Clone)]
pub enum Input {
    /// A run is to be executed. Its row and plan are recorded by the scheduler's first effects.
    Submit(Submit),
    /// A worker is there, for the first time or again.
    WorkerRegistered(Registration),
    /// A worker's connection ended. Its attempts go on until their leases end.
    WorkerGone {
        /// Which.
        worker: WorkerId,
    },
    /// A worker was heard of: its leases begin anew.
    Heartbeat {
        /// Which.
        worker: WorkerId,
    },
    /// A worker is to take no more (or may again).
    Drain {
        /// Which.
        worker: WorkerId,
        /// Whether it is to stop taking work.
        drain: bool,
    },
    /// An attempt has begun.
    Started {
        /// The worker that says so: only the one that holds the lease may.
        worker: WorkerId,
        /// Which.
        attempt: AttemptId,
        /// The token that it was sent with.
        token: Token,
    },
    /// A step has begun.
    StepStarted {
        /// The worker that says so: only the one that holds the lease may.
        worker: WorkerId,
        /// Of which attempt.
        attempt: AttemptId,
        /// The token that it was sent with.
        token: Token,
        /// What and where.
        step: StepBegin,
    },
    /// A step has ended.
    StepFinished {
        /// The worker that says so: only the one that holds the lease may.
        worker: WorkerId,
        /// Of which attempt.
        attempt: AttemptId,
        /// The token that it was sent with.
        token: Token,
        /// Its index.
        step: u32,
        /// How.
        end: StepEnd,
        /// Where its output ends in the log, in bytes.
        log_to: u64,
        /// In milliseconds.
        took_ms: u64,
    },
    /// The log of an attempt has grown.
    LogGrew {
        /// The worker that says so: only the one that holds the lease may.
        worker: WorkerId,
        /// Of which attempt.
        attempt: AttemptId,
        /// The token that it was sent with.
        token: Token,
        /// To how many bytes.
        length: u64,
    },
    /// An attempt has ended.
    Finished {
        /// The worker that says so: only the one that holds the lease may.
        worker: WorkerId,
        /// Which.
        attempt: AttemptId,
        /// The token that it was sent with.
        token: Token,
        /// How, and with what.
        result: AttemptResult,
    },
    /// A worker gives an attempt back that it has not started: recalled, draining, no such slot.
    Returned {
        /// The worker that says so: only the one that holds the lease may.
        worker: WorkerId,
        /// Which.
        attempt: AttemptId,
        /// The token that it was sent with.
        token: Token,
    },
    /// A run is to end.
    Cancel {
        /// Which.
        run: RunId,
        /// Who wants it.
        by: String,
    },
    /// A person has decided about an approval, or about a job that is held: yes runs it once more,
    /// no gives it up as lost.
    Decide {
        /// The run.
        run: RunId,
        /// The approval: the job id that its instance has.
        job: JobId,
        /// Who.
        person: String,
        /// The teams and roles of that person, as the plan names them (`team.NAME`).
        teams: BTreeSet<String>,
        /// Whether it is a yes.
        approve: bool,
    },
    /// The time that the last [`Effect::WakeAt`](crate::Effect::WakeAt) named has come. Also harmless
    /// at any other time.
    Wake,
}

/// A run to be executed.
#[derive(Debug, Clone)]
pub struct Submit {
    /// Its id, new in this store.
    pub run: RunId,
    /// What it does.
    pub plan: Arc<Plan>,
    /// Which jobs are asked for.
    pub selection: Selection,
    /// Who or what started it, for people.
    pub by: String,
    /// Whether jobs that don't depend on a failed one are still started (`--keep-going`). Otherwise
    /// too a failure only stops what depends on it, unless the plan says `fail_fast`; with
    /// `keep_going` even that is ignored.
    pub keep_going: bool,
}

/// Which jobs of a plan are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selection {
    /// All.
    #[default]
    All,
    /// These nodes and all that they need; the rest is skipped as not selected.
    Nodes(BTreeSet<NodeId>),
}

impl Selection {
    /// Which nodes are to be done, by their index: those that are asked for, what they need too, the
    /// stages around all of those, and the hooks of those stages and of the pipeline. Approvals that
    /// stand before one of them can't be passed by.
    #[must_use]
    pub fn wanted(&self, plan: &Plan) -> Vec<bool> {
        let Self::Nodes(selected) = self else {
            return vec![true; plan.nodes.len()];
        };
        let mut wanted = vec![false; plan.nodes.len()];
        let mut entered = wanted.clone();
        let mut todo: Vec<NodeId> = selected.iter().copied().collect();
        let hooks = |stage: Option<NodeId>| {
            let children = plan.iter().filter(move |(_, node)| node.parent == stage);
            children.filter_map(|(id, node)| (node.phase != Phase::Main).then_some(id))
        };
        todo.extend(hooks(None));
        while let Some(id) = todo.pop() {
            if id.index() >= plan.nodes.len() || std::mem::replace(&mut wanted[id.index()], true) {
                continue;
            }
            // All of a stage, where the stage itself is meant.
            let children = plan.iter().filter(|(_, node)| node.parent == Some(id));
            todo.extend(children.map(|(child, _)| child));
            let around: Vec<_> = plan.ancestors(id).collect();
            for stage in &around {
                if !std::mem::replace(&mut entered[stage.index()], true) {
                    todo.extend(hooks(Some(*stage)));
                }
            }
            for node in around.iter().chain([&id]).map(|id| plan.node(*id)) {
                let needed = node.edges.iter().filter(|edge| {
                    edge.kind != EdgeKind::Order
                        || matches!(plan.node(edge.on).kind, NodeKind::Approve(_))
                });
                // A hook runs whatever became of the main part; it does not call for it.
                todo.extend(
                    needed
                        .map(|edge| edge.on)
                        .filter(|on| node.phase <= plan.node(*on).phase),
                );
            }
        }
        for (stage, entered) in entered.into_iter().enumerate() {
            wanted[stage] |= entered;
        }
        wanted
    }
}

/// A worker that is there.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its id, given by the engine; the same when it comes back.
    pub worker: WorkerId,
    /// Its name.
    pub name: String,
    /// What it is asked for by: its system, architecture, and labels of its configuration.
    pub labels: BTreeSet<String>,
    /// What selectors compare: `os`, `arch`, declared facts.
    pub facts: BTreeMap<String, Value>,
    /// How many jobs it runs at once.
    pub n_slots: u32,
    /// How many more it may hold unstarted, so that a slot doesn't wait for a round trip.
    pub n_prefetch: u32,
    /// The attempts that it holds from before, with their tokens: also those whose end was not yet
    /// acknowledged. What is not among them is not there.
    pub held: Vec<(AttemptId, Token)>,
}

/// A step that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepBegin {
    /// Its index among all steps of the attempt.
    pub step: u32,
    /// What it is called.
    pub name: String,
    /// Where it stands in the pipeline file.
    pub place: Place,
    /// Where its output begins in the log, in bytes.
    pub log_from: u64,
}

/// How an attempt ended, as its worker says. The outputs are checked against what the plan declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptResult {
    /// How.
    pub outcome: Outcome,
    /// The outputs, as JSON.
    pub outputs: BTreeMap<String, serde_json::Value>,
    /// The digest of the manifest of what it produced, if it declares that.
    pub produced: Option<String>,
    /// The length of its log, in bytes.
    pub log_length: u64,
    /// From start to end, in milliseconds, by the worker's clock.
    pub took_ms: u64,
}
