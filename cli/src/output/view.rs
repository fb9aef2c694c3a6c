//! What is known of a run, folded from its events: the one thing that all printers for people show.

use super::text::one_line;
use model::event::{Event, EventKind, StepEnd};
use model::ids::{AttemptId, JobId, NodeId, RunId};
use model::outcome::{Failure, Outcome};
use model::plan::{NodeKind, Plan};
use model::spec::Place;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A run as it stands.
#[derive(Debug)]
pub struct RunView {
    /// What it does.
    pub plan: Arc<Plan>,
    /// Its id; 0 until the first event.
    pub run: RunId,
    /// Its jobs.
    pub jobs: BTreeMap<JobId, JobView>,
    /// Its end, and how long it took in milliseconds.
    pub end: Option<(Outcome, u64)>,
}

/// A job as it stands.
#[derive(Debug)]
pub struct JobView {
    /// Its node in the plan.
    pub node: NodeId,
    /// Its name on one line.
    pub name: String,
    /// Where it is.
    pub phase: Phase,
    /// Its last attempt; 0 before the first.
    pub attempt: u32,
    /// How long the log of this attempt is.
    pub log_length: u64,
    /// The steps of this attempt that have begun, by their index.
    pub steps: BTreeMap<u32, StepView>,
    /// When all that it waited for was there.
    pub ready_ms: u64,
}

/// Where a job is. Times are of the printers' clock.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Something that it needs has not ended.
    Waiting,
    /// It waits for a slot, a lock or its turn.
    Ready,
    /// It runs.
    Running {
        /// Since when.
        since_ms: u64,
    },
    /// It waits for its next attempt.
    Retrying,
    /// It has ended.
    Ended {
        /// How.
        outcome: Outcome,
        /// Whether a failure was passed over.
        allowed: bool,
        /// How long the last attempt took.
        took_ms: u64,
        /// When.
        at_ms: u64,
    },
}

/// A step of a job.
#[derive(Debug)]
pub struct StepView {
    /// What it is called, on one line.
    pub name: String,
    /// Where it stands in the pipeline file.
    pub place: Place,
    /// Where its output begins in the log.
    pub log_from: u64,
    /// Where its output ends, and how the step did; absent while it runs.
    pub end: Option<(StepEnd, u64)>,
}

impl RunView {
    /// A run of which nothing is known yet.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            run: RunId(0),
            jobs: BTreeMap::new(),
            end: None,
        }
    }

    /// Takes an event in. An event of a job that was never created changes nothing.
    pub fn apply(&mut self, event: &Event, now_ms: u64) {
        self.run = event.run;
        match &event.kind {
            EventKind::JobCreated { job, node, name } => {
                self.jobs.insert(*job, JobView::new(*node, name));
            }
            EventKind::RunFinished { outcome, took_ms } => {
                self.end = Some((outcome.clone(), *took_ms));
            }
            EventKind::JobReady { job } => self.change(*job, |job| {
                job.ready_ms = now_ms;
                job.phase = Phase::Ready;
            }),
            EventKind::JobStarted { job, attempt, .. } => self.change(*job, |job| {
                job.phase = Phase::Running { since_ms: now_ms };
                job.attempt = *attempt;
                job.log_length = 0;
                job.steps.clear();
            }),
            EventKind::StepStarted {
                job,
                step,
                name,
                place,
                log_from,
                ..
            } => self.change(*job, |job| {
                let step_view = StepView {
                    name: one_line(name).into_owned(),
                    place: *place,
                    log_from: *log_from,
                    end: None,
                };
                job.steps.insert(*step, step_view);
                job.log_length = job.log_length.max(*log_from);
            }),
            EventKind::StepFinished {
                job,
                step,
                end,
                log_to,
                ..
            } => self.change(*job, |job| {
                if let Some(step) = job.steps.get_mut(step) {
                    step.end = Some((end.clone(), *log_to));
                }
                job.log_length = job.log_length.max(*log_to);
            }),
            EventKind::LogGrew { job, length, .. } => {
                self.change(*job, |job| job.log_length = job.log_length.max(*length));
            }
            EventKind::JobRetried { job, .. } => {
                self.change(*job, |job| job.phase = Phase::Retrying);
            }
            EventKind::JobFinished {
                job,
                outcome,
                allowed,
                took_ms,
                ..
            } => self.change(*job, |job| {
                job.phase = Phase::Ended {
                    outcome: outcome.clone(),
                    allowed: *allowed,
                    took_ms: *took_ms,
                    at_ms: now_ms,
                };
            }),
            EventKind::RunStarted { .. }
            | EventKind::FannedOut { .. }
            | EventKind::Warning { .. } => {}
        }
    }

    fn change(&mut self, job: JobId, change: impl FnOnce(&mut JobView)) {
        if let Some(job) = self.jobs.get_mut(&job) {
            change(job);
        }
    }

    /// A job's name; its id where it was never created.
    #[must_use]
    pub fn name(&self, job: JobId) -> String {
        self.jobs
            .get(&job)
            .map_or_else(|| format!("job {job}"), |view| view.name.clone())
    }

    /// The last attempt of a job.
    #[must_use]
    pub fn attempt(&self, job: JobId) -> AttemptId {
        AttemptId {
            run: self.run,
            job,
            number: self.jobs.get(&job).map_or(0, |view| view.attempt),
        }
    }

    /// A place as editors and terminals make a link of it: `.gantry/ci.gantry:12`.
    #[must_use]
    pub fn link(&self, place: Place) -> String {
        format!("{}:{}", one_line(&self.plan.path), place.line)
    }

    /// Which nodes have not ended: jobs that were not created yet, or of which an element is
    /// unfinished, and the stages around them.
    #[must_use]
    pub fn unfinished(&self) -> Vec<bool> {
        let n_nodes = self.plan.nodes.len();
        let mut created = vec![false; n_nodes];
        let mut unfinished = vec![false; n_nodes];
        for job in self.jobs.values() {
            if job.node.index() < n_nodes {
                created[job.node.index()] = true;
                unfinished[job.node.index()] |= !job.has_ended();
            }
        }
        // Parents stand before children, so that one pass from the end reaches every stage.
        for (id, node) in self.plan.iter().collect::<Vec<_>>().into_iter().rev() {
            if !matches!(node.kind, NodeKind::Stage(_)) {
                unfinished[id.index()] |= !created[id.index()];
            }
            if let Some(parent) = node.parent {
                unfinished[parent.index()] |= unfinished[id.index()];
            }
        }
        unfinished
    }

    /// What a waiting job waits for: the name of the first node before it that has not ended.
    #[must_use]
    pub fn waits_for(&self, job: &JobView, unfinished: &[bool]) -> Option<&str> {
        self.predecessors(job.node)
            .find(|on| unfinished[on.index()])
            .map(|on| self.plan.node(on).name.as_str())
    }

    /// The nodes that one waits for, its own and those of the stages around it.
    pub fn predecessors(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let known = (node.index() < self.plan.nodes.len()).then_some(node);
        known
            .into_iter()
            .flat_map(|node| std::iter::once(node).chain(self.plan.ancestors(node)))
            .flat_map(|node| self.plan.node(node).edges.iter())
            .map(|edge| edge.on)
    }
}

impl JobView {
    fn new(node: NodeId, name: &str) -> Self {
        Self {
            node,
            name: one_line(name).into_owned(),
            phase: Phase::Waiting,
            attempt: 0,
            log_length: 0,
            steps: BTreeMap::new(),
            ready_ms: 0,
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// How it ended, and whether that was passed over.
    #[must_use]
    pub fn outcome(&self) -> Option<(&Outcome, bool)> {
        match &self.phase {
            Phase::Ended {
                outcome, allowed, ..
            } => Some((outcome, *allowed)),
            _ => None,
        }
    }

    /// Whether it ended, and spoiled the run: failed, timed out, lost or canceled, and not allowed to.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.outcome().is_some_and(|(outcome, allowed)| {
            !allowed && (outcome.is_failure() || matches!(outcome, Outcome::Canceled { .. }))
        })
    }

    /// The step at which it failed, where that is known.
    #[must_use]
    pub fn failed_step(&self) -> Option<&StepView> {
        let (outcome, _) = self.outcome()?;
        self.steps.get(&failed_step(outcome)?)
    }
}

/// The index of the step that an outcome blames.
#[must_use]
pub fn failed_step(outcome: &Outcome) -> Option<u32> {
    match outcome {
        Outcome::TimedOut { step, .. } => *step,
        Outcome::Failed { failure } => match failure {
            Failure::Exit { step, .. }
            | Failure::Signal { step, .. }
            | Failure::Start { step, .. } => Some(*step),
            Failure::Output { .. }
            | Failure::Produces { .. }
            | Failure::Workspace { .. }
            | Failure::Expression { .. }
            | Failure::Inner { .. }
            | Failure::System { .. } => None,
        },
        Outcome::Succeeded
        | Outcome::Canceled { .. }
        | Outcome::Skipped { .. }
        | Outcome::Lost { .. } => None,
    }
}
