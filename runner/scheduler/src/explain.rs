//! Why a job waits, or what it does: the real reason, since it is read from the state that decides.

use crate::locks::{Owner, Part};
use crate::run::{Element, GroupIdx, GroupState, Run, ScopeIdx, ScopeState, State};
use crate::scheduler::Scheduler;
use crate::selector::Selector;
use crate::workers::Worker;
use model::ids::{JobId, RunId};
use model::outcome::Outcome;
use model::plan::Phase;
use model::value::Value;
use std::fmt;

/// How many names a sentence lists before it counts the rest.
const NAMES: usize = 3;

/// What there is to say about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are what the sentences in `Display` say"
)]
pub enum Explanation {
    /// It has ended.
    Ended { outcome: Outcome, allowed: bool },
    /// It runs.
    Running { worker: String },
    /// It was told to stop.
    Stopping { worker: String, by: String },
    /// It was sent to a worker and has not begun.
    Sent { worker: String },
    /// All workers that may run it are busy.
    Queued { n_ahead: usize, n_workers: usize },
    /// No worker may run it.
    NoWorker {
        runs_on: String,
        nearest: Option<Near>,
    },
    /// The workers that may run it can't be reached, or take nothing.
    Away { workers: Vec<Near> },
    /// Others hold what it locks.
    Locked {
        lock: String,
        holder: String,
        n_ahead: usize,
    },
    /// Its fan-out runs as many as it may.
    MaxParallel { of: String, limit: u32 },
    /// The batch before it has not ended.
    Batch { of: String, size: u32 },
    /// It asks people.
    Asking {
        by: Vec<String>,
        given: Vec<String>,
        at_least: u32,
        not_author: bool,
        expires_in_ms: Option<u64>,
    },
    /// It will be tried again.
    Retrying { attempt: u32, in_ms: u64 },
    /// A person must decide.
    Held { reason: String },
    /// It waits for others.
    Needs { others: Vec<Awaited> },
    /// It is a hook, and what it belongs to goes on.
    Hook { of: String, phase: Phase },
    /// The stage around it waits.
    Stage { name: String, why: Box<Explanation> },
    /// Its run waits for another run.
    Concurrency { group: String, run: RunId },
}

/// A worker that does not take a job, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// Its name.
    pub worker: String,
    /// Why not.
    pub reason: String,
}

/// Something that is waited for, and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Its name.
    pub name: String,
    /// What it does.
    pub does: &'static str,
}

impl Scheduler {
    /// Why a job waits, or what it does. `None` where the run has ended or has no such job.
    #[must_use]
    pub fn explain(&self, run: RunId, job: JobId) -> Option<Explanation> {
        let run = self.runs.by_id(run)?;
        (job.index() < run.jobs.len()).then(|| self.explain_job(run, job))
    }

    fn explain_job(&self, run: &Run, job: JobId) -> Explanation {
        let now_ms = self.core.now.mono_ms;
        match &run.job(job).state {
            State::Waiting => self.explain_waiting(run, run.element_of(job)),
            State::Due => self.explain_due(run, run.element_of(job).0),
            State::Blocked { ticket } => self.explain_lock(*ticket),
            State::Asking => self.explain_approval(run, job),
            State::Queued => self.explain_queue(run, job),
            State::Retrying { at_ms, .. } => Explanation::Retrying {
                attempt: run.job(job).n_attempts + 1,
                in_ms: at_ms.saturating_sub(now_ms),
            },
            State::Assigned { lease } | State::Running { lease } => {
                let worker = self.core.workers.name(lease.worker).to_owned();
                match (&lease.stopping, &run.job(job).state) {
                    (Some(by), _) => Explanation::Stopping {
                        worker,
                        by: by.to_string(),
                    },
                    (None, State::Running { .. }) => Explanation::Running { worker },
                    _ => Explanation::Sent { worker },
                }
            }
            State::Held { reason, .. } => Explanation::Held {
                reason: reason.to_string(),
            },
            State::Ended(ending) => Explanation::Ended {
                outcome: ending.outcome.clone(),
                allowed: ending.allowed,
            },
        }
    }

    /// What keeps an element from starting: outermost first, since what is further in could not start
    /// anyway.
    fn explain_waiting(&self, run: &Run, element: Element) -> Explanation {
        let mut around: Vec<_> = run.scopes_up(run.group(element.0).scope).collect();
        around.reverse();
        for scope in around {
            let Some(stage) = run.scope(scope).element else {
                if let Some(explanation) = self.explain_run(run) {
                    return explanation;
                }
                continue;
            };
            let why = match run.scope(scope).state {
                ScopeState::Entered(_) | ScopeState::Ended(_) => continue,
                ScopeState::Blocked { ticket } => self.explain_lock(ticket),
                ScopeState::Due => self.explain_due(run, stage.0),
                ScopeState::Waiting => self.explain_edges(run, stage),
            };
            return Explanation::Stage {
                name: run.node(stage.0).name.clone(),
                why: Box::new(why),
            };
        }
        self.explain_edges(run, element)
    }

    fn explain_run(&self, run: &Run) -> Option<Explanation> {
        let before = self.groups.before(&run.plan, run.id)?;
        let group = run.plan.concurrency.as_ref()?.group.clone();
        Some(Explanation::Concurrency { group, run: before })
    }

    fn explain_edges(&self, run: &Run, element: Element) -> Explanation {
        let group = element.0;
        let node = run.node(group);
        let scope = run.group(group).scope;
        if let ScopeState::Entered(phase) = run.scope(scope).state
            && phase < node.phase
        {
            let stage = run.scope(scope).element;
            return Explanation::Hook {
                of: stage.map_or_else(
                    || run.plan.pipeline.clone(),
                    |stage| run.node(stage.0).name.clone(),
                ),
                phase: node.phase,
            };
        }
        let waits = &run.shape.nodes[run.group(group).node.index()].waits;
        let unmet = waits.iter().filter(|wait| !run.is_met(scope, wait));
        let mut others: Vec<_> = unmet
            .map(|wait| {
                let on = node.edges[wait.edge as usize].on;
                Awaited {
                    name: run.plan.node(on).name.clone(),
                    does: run.does(&run.sources(scope, wait)),
                }
            })
            .collect();
        if others.is_empty() {
            let awaited = run.element_watchers.iter();
            let awaited = awaited.filter(|(_, watchers)| watchers.contains(&element));
            others.extend(awaited.map(|(awaited, _)| Awaited {
                name: run.element_name(*awaited),
                does: run.does(&[awaited.0]),
            }));
        }
        Explanation::Needs { others }
    }

    fn explain_due(&self, run: &Run, group: GroupIdx) -> Explanation {
        let of = run.node(group).name.clone();
        match &run.group(group).limits {
            Some(limits) if run.group(group).n_active >= limits.max_parallel => {
                let limit = limits.max_parallel;
                Explanation::MaxParallel { of, limit }
            }
            limits => Explanation::Batch {
                of,
                size: limits.as_ref().and_then(|l| l.batch).unwrap_or(1),
            },
        }
    }

    fn explain_lock(&self, ticket: u64) -> Explanation {
        match self.core.locks.obstacle(ticket) {
            Some((name, holder, n_ahead)) => Explanation::Locked {
                lock: name.to_string(),
                holder: self.owner_name(holder),
                n_ahead,
            },
            None => Explanation::Needs { others: Vec::new() },
        }
    }

    fn owner_name(&self, owner: Owner) -> String {
        let Some(run) = self.runs.by_id(owner.run) else {
            return format!("run {}", owner.run);
        };
        let name = match owner.part {
            Part::Job(job) => run.job_name(job),
            Part::FanOut(group) => run.node(GroupIdx(group)).name.clone(),
            Part::Stage(scope) => match run.scope(ScopeIdx(scope)).element {
                Some(element) => run.element_name(element),
                None => run.plan.pipeline.clone(),
            },
        };
        format!("{name} of run {}", run.id)
    }

    fn explain_approval(&self, run: &Run, job: JobId) -> Explanation {
        let Some(rule) = run.approve(job) else {
            return Explanation::Needs { others: Vec::new() };
        };
        let details = run.job(job).details.as_ref();
        let expires_ms = details.and_then(|details| details.expires_ms);
        let now_ms = self.core.now.mono_ms;
        Explanation::Asking {
            by: rule.by.clone(),
            given: details
                .map(|details| details.approvals.keys().cloned().collect())
                .unwrap_or_default(),
            at_least: rule.at_least.max(1),
            not_author: rule.not_author,
            expires_in_ms: expires_ms.map(|at_ms| at_ms.saturating_sub(now_ms)),
        }
    }

    fn explain_queue(&self, run: &Run, job: JobId) -> Explanation {
        let Some(class) = run.job(job).class else {
            return Explanation::Needs { others: Vec::new() };
        };
        let class = self.core.queue.class(class);
        let workers = class.workers.iter().map(|w| self.core.workers.get(*w));
        let (able, away): (Vec<_>, Vec<_>) = workers.partition(|worker| absence(worker).is_none());
        if !able.is_empty() {
            return Explanation::Queued {
                n_ahead: class.waiting.range(..run.queue_key(job)).count(),
                n_workers: able.len(),
            };
        }
        if !away.is_empty() {
            let near = |worker: &Worker| Near {
                worker: worker.facts.name.clone(),
                reason: absence(worker).unwrap_or_default().to_owned(),
            };
            let workers = away.into_iter().map(near).collect();
            return Explanation::Away { workers };
        }
        let runs_on = run.job_plan(job).map(|plan| plan.runs_on_text.clone());
        Explanation::NoWorker {
            runs_on: runs_on.unwrap_or_default(),
            nearest: class.selector.as_ref().and_then(|s| self.nearest(s)),
        }
    }

    /// The worker that comes nearest to a selector.
    fn nearest(&self, selector: &Selector) -> Option<Near> {
        let distances = self.core.workers.iter().map(|(_, worker)| {
            let (n_failed, reason) = selector.distance(&worker.facts);
            (n_failed, worker, reason)
        });
        let (_, worker, reason) =
            distances.min_by_key(|(n_failed, worker, _)| (*n_failed, worker.id))?;
        Some(Near {
            worker: worker.facts.name.clone(),
            reason,
        })
    }
}

/// Why a worker takes nothing at all.
fn absence(worker: &Worker) -> Option<&'static str> {
    if !worker.is_linked {
        Some("is away")
    } else if !worker.is_reachable {
        Some("does not answer")
    } else if worker.is_draining {
        Some("takes no more work")
    } else if worker.n_slots == 0 {
        Some("has no slots")
    } else {
        None
    }
}

impl Run {
    /// The name of an element, also where it is a stage.
    pub(crate) fn element_name(&self, element: Element) -> String {
        if !self.is_stage(element.0) {
            return self.job_name(self.job_of(element));
        }
        let name = &self.node(element.0).name;
        match self.values(element) {
            [] => name.clone(),
            values => format!("{name}[{:?}]", Value::element_key(values)),
        }
    }

    /// What a node does, in one word.
    fn does(&self, groups: &[GroupIdx]) -> &'static str {
        let mut does = "waits";
        for group in groups {
            if self.group(*group).state != GroupState::Open {
                continue;
            }
            for index in 0..self.group(*group).n {
                let element = (*group, index);
                if self.is_stage(*group) {
                    let scope = self.scope_of(element);
                    if matches!(self.scope(scope).state, ScopeState::Entered(_)) {
                        return "runs";
                    }
                    continue;
                }
                match &self.job(self.job_of(element)).state {
                    State::Running { .. } | State::Assigned { .. } => return "runs",
                    State::Asking => does = "asks",
                    State::Queued => does = "is queued",
                    State::Retrying { .. } => does = "will be tried again",
                    State::Held { .. } => does = "is held",
                    State::Blocked { .. } => does = "waits for a lock",
                    State::Waiting | State::Due | State::Ended(_) => {}
                }
            }
        }
        does
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { outcome, allowed } => {
                write!(f, "{outcome}")?;
                f.write_str(if *allowed { " (allowed)" } else { "" })
            }
            Self::Running { worker } => write!(f, "runs on {worker}"),
            Self::Stopping { worker, by } => write!(f, "stops on {worker}: canceled by {by}"),
            Self::Sent { worker } => write!(f, "was sent to {worker}"),
            Self::Queued { n_ahead, n_workers } => {
                write!(f, "waits for a slot, ")?;
                match n_ahead {
                    0 => f.write_str("next in line")?,
                    n => write!(f, "behind {}", counted(*n, "job"))?,
                }
                write!(f, "; {} may run it", counted(*n_workers, "worker"))
            }
            Self::NoWorker { runs_on, nearest } => {
                match runs_on.is_empty() {
                    true => f.write_str("there is no worker")?,
                    false => write!(f, "no worker matches `runs_on = {runs_on}`")?,
                }
                match nearest {
                    Some(near) => write!(f, "; the nearest is {}: {}", near.worker, near.reason),
                    None => Ok(()),
                }
            }
            Self::Away { workers } => {
                f.write_str("every worker that may run it is unavailable: ")?;
                list(f, workers, |near| {
                    format!("{} {}", near.worker, near.reason)
                })
            }
            Self::Locked {
                lock,
                holder,
                n_ahead,
            } => {
                write!(f, "waits for {lock}, held by {holder}")?;
                match n_ahead {
                    0 => Ok(()),
                    n => write!(f, "; {n} before it"),
                }
            }
            Self::MaxParallel { of, limit } => {
                write!(f, "waits for its turn: {of} has `max_parallel = {limit}`")
            }
            Self::Batch { of, size } => {
                write!(f, "waits for its turn: {of} starts {size} at a time")
            }
            Self::Asking {
                by,
                given,
                at_least,
                not_author,
                expires_in_ms,
            } => {
                write!(f, "waits for {}", counted(*at_least as usize, "approval"))?;
                if !by.is_empty() {
                    write!(f, " by {}", by.join(", "))?;
                }
                if *not_author {
                    f.write_str(", not the author")?;
                }
                if !given.is_empty() {
                    write!(f, "; given by {}", given.join(", "))?;
                }
                match expires_in_ms {
                    Some(ms) => write!(f, "; expires in {}", seconds(*ms)),
                    None => Ok(()),
                }
            }
            Self::Retrying { attempt, in_ms } => {
                write!(f, "attempt {attempt} starts in {}", seconds(*in_ms))
            }
            Self::Held { reason } => write!(f, "held until somebody decides: {reason}"),
            Self::Needs { others } if others.is_empty() => f.write_str("waits"),
            Self::Needs { others } => {
                f.write_str("waits for ")?;
                list(f, others, |other| {
                    format!("{}, which {}", other.name, other.does)
                })
            }
            Self::Hook { of, phase } => match phase {
                Phase::OnFailure => write!(f, "runs if {of} fails, which goes on"),
                _ => write!(f, "runs at the end of {of}, which goes on"),
            },
            Self::Stage { name, why } => write!(f, "its stage {name} {why}"),
            Self::Concurrency { group, run } => {
                write!(f, "its run waits for run {run} of the group {group}")
            }
        }
    }
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A length of time for people: whole seconds, rounded up.
fn seconds(ms: u64) -> Value {
    Value::Duration(ms.div_ceil(1000) * 1000)
}

fn list<T>(f: &mut fmt::Formatter<'_>, items: &[T], text: impl Fn(&T) -> String) -> fmt::Result {
    let shown: Vec<_> = items.iter().take(NAMES).map(text).collect();
    f.write_str(&shown.join("; "))?;
    match items.len().saturating_sub(NAMES) {
        0 => Ok(()),
        more => write!(f, "; and {more} more"),
    }
}
