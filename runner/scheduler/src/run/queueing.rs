//! A job that is ready waits for a slot, and is sent to a worker.

use super::{Lease, Place, Run, State};
use crate::core::Core;
use crate::effect::{Dispatch, Effect};
use crate::queue::QueueKey;
use crate::selector::Selector;
use crate::workers::{JobRef, WorkerIdx};
use model::ids::{AttemptId, JobId};
use model::plan::Job as JobPlan;
use model::resolve;
use model::spec::JobSpec;
use std::sync::Arc;

/// By how much a step of priority lets a job overtake: it counts as if it had become ready so much
/// earlier. So of two jobs that wait, the one of higher priority goes first, unless the other has
/// waited five minutes more for each step between them: nothing starves.
pub const PRIORITY_MS: i64 = 5 * 60_000;

/// Priorities beyond this bound count as this: ten years' advance is enough.
const PRIORITY_LIMIT: i64 = 1_000_000;

impl Run {
    /// The job waits for a slot.
    pub(crate) fn enqueue(&mut self, core: &mut Core, job: JobId) {
        if let Err(message) = self.classify(core, job) {
            return self.fail_element(core, self.element_of(job), &message);
        }
        self.job_mut(job).state = State::Queued;
        if let Some(class) = self.job(job).class {
            core.enqueue(class, self.queue_key(job));
        }
        self.touch(job);
    }

    /// The job waits for a slot once more, as if it had become ready now.
    pub(crate) fn enqueue_again(&mut self, core: &mut Core, job: JobId) {
        self.set_rank(core, job);
        self.job_mut(job).ready_at = Some(core.now.wall_ms).into();
        self.enqueue(core, job);
    }

    /// Where the job stands among those that become ready at other times, with other priorities.
    pub(crate) fn set_rank(&mut self, core: &Core, job: JobId) {
        let ready_ms = i64::try_from(core.now.mono_ms).unwrap_or(i64::MAX);
        self.set_rank_at(job, ready_ms);
    }

    pub(crate) fn set_rank_at(&mut self, job: JobId, ready_ms: i64) {
        let own = self.job_plan(job).map_or(0, |plan| plan.priority);
        let priority = self.plan.priority.saturating_add(own);
        let advance = priority.clamp(-PRIORITY_LIMIT, PRIORITY_LIMIT) * PRIORITY_MS;
        self.job_mut(job).rank = ready_ms.saturating_sub(advance);
    }

    pub(crate) fn queue_key(&self, job: JobId) -> QueueKey {
        QueueKey {
            rank: self.job(job).rank,
            run: self.id,
            job,
            slot: self.slot,
        }
    }

    pub(crate) fn job_ref(&self, job: JobId) -> JobRef {
        JobRef {
            slot: self.slot,
            run: self.id,
            job,
        }
    }

    pub(crate) fn job_plan(&self, job: JobId) -> Option<&JobPlan> {
        self.node(self.job(job).group).as_job()
    }

    /// Finds out which workers may run a job.
    pub(crate) fn classify(&mut self, core: &mut Core, job: JobId) -> Result<(), String> {
        if self.job(job).class.is_some() {
            return Ok(());
        }
        let element = self.element_of(job);
        let node = self.group(element.0).node;
        let class = match self.node_classes[node.index()] {
            Some(class) => class,
            None => {
                let place = Place::of_element(self, element);
                let plan = Arc::clone(&self.plan);
                let runs_on = plan
                    .node(node)
                    .as_job()
                    .and_then(|job| job.runs_on.as_ref());
                let selector = runs_on.map(|expr| Selector::new(expr, &self.scope_at(place)));
                let is_same_for_all = selector.as_ref().is_none_or(Selector::is_closed);
                let class = core.class(selector);
                if is_same_for_all {
                    self.node_classes[node.index()] = Some(class);
                }
                if self.classes.insert(class) {
                    core.queue.share(class);
                }
                class
            }
        };
        self.job_mut(job).class = Some(class);
        Ok(())
    }

    /// Whether a job may wait at its worker for a slot.
    pub(crate) fn may_prefetch(&self, job: JobId) -> bool {
        let node = self.group(self.job(job).group).node;
        self.shape.nodes[node.index()].may_prefetch
    }

    /// Sends a queued job to a worker.
    pub(crate) fn assign(
        &mut self,
        core: &mut Core,
        job: JobId,
        worker: WorkerIdx,
        prefetch: bool,
    ) {
        let spec = match self.resolve(job) {
            Ok(spec) => spec,
            Err(message) => {
                self.fail_element(core, self.element_of(job), &message);
                return self.proceed(core);
            }
        };
        if let Some(class) = self.job(job).class {
            core.queue.remove(class, &self.queue_key(job));
            core.occupy(worker, self.job_ref(job), class, prefetch);
        }
        let token = core.next_token();
        let this = self.job_mut(job);
        this.n_attempts += 1;
        let number = this.n_attempts;
        this.state = State::Assigned {
            lease: Lease {
                worker,
                token,
                stopping: None,
            },
        };
        self.touch(job);
        core.effects.push(Effect::Dispatch(Dispatch {
            worker: core.workers.id(worker),
            attempt: AttemptId {
                run: self.id,
                job,
                number,
            },
            token,
            spec: Arc::new(spec),
            lease_ms: core.config.lease_ms,
            prefetch,
        }));
    }

    fn resolve(&self, job: JobId) -> Result<JobSpec, String> {
        let element = self.element_of(job);
        let node = self.node(element.0);
        let Some(plan) = node.as_job() else {
            return Err(format!("{} is no job", node.name));
        };
        let scope = self.scope_at(Place::of_element(self, element));
        let needs = self.needed(element)?;
        let name = self.job_name(job);
        resolve::resolve(&self.plan.pipeline, node, plan, name, needs, &scope)
            .map_err(|error| error.to_string())
    }
}
