//! Attempts: a job is sent to a worker, begins, ends, is given back, is lost, is tried again.

use super::{Details, Ending, Lease, Place, Run, State};
use crate::core::Core;
use crate::effect::{Dispatch, Effect};
use crate::input::{AttemptResult, StepBegin};
use crate::queue::QueueKey;
use crate::record::{Change, StepRow};
use crate::selector::Selector;
use crate::timers::Timer;
use crate::workers::{JobRef, WorkerIdx};
use model::event::{EventKind, StepEnd};
use model::ids::{AttemptId, JobId, Token, WorkerId};
use model::outcome::{Failure, Outcome};
use model::plan::{Job as JobPlan, RETRY_DELAY_LIMIT_MS, RetryOn};
use model::resolve;
use model::spec::{JobSpec, Place as TextPlace};
use model::value::Value;
use std::collections::BTreeMap;
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

    /// Whether this worker holds this attempt.
    pub(crate) fn is_held(
        &self,
        core: &Core,
        attempt: AttemptId,
        token: Token,
        worker: WorkerId,
    ) -> bool {
        let Some(job) = self.jobs.get(attempt.job.index()) else {
            return false;
        };
        let holder = match &job.state {
            State::Held { worker, token, .. } => Some((*worker, *token)),
            _ => job
                .lease()
                .map(|lease| (core.workers.id(lease.worker), lease.token)),
        };
        attempt.number == job.n_attempts && holder == Some((worker, token))
    }

    /// The present attempt of a job, where a worker has one.
    pub(crate) fn attempt_of(&self, job: JobId) -> Option<(AttemptId, Token)> {
        let this = self.jobs.get(job.index())?;
        let token = this.lease()?.token;
        let (run, number) = (self.id, this.n_attempts);
        Some((AttemptId { run, job, number }, token))
    }

    /// Whether a worker has an attempt that has not begun, as far as is known.
    pub(crate) fn is_unstarted_at_worker(&self, job: JobId) -> bool {
        matches!(self.job(job).state, State::Assigned { .. })
    }

    /// Whether a job is held because its worker is gone.
    pub(crate) fn is_waiting_for_worker(&self, job: JobId) -> bool {
        matches!(self.job(job).state, State::Held { .. })
    }

    /// An attempt has begun.
    pub(crate) fn started(&mut self, core: &mut Core, job: JobId) {
        let lease = match &self.job(job).state {
            State::Assigned { lease } => lease.clone(),
            State::Held { worker, token, .. } => {
                let (worker, token) = (*worker, *token);
                return self.resume_held(core, job, worker, token);
            }
            _ => return,
        };
        core.begin(lease.worker, self.job_ref(job));
        let worker = core.workers.name(lease.worker).to_owned();
        let this = self.job_mut(job);
        this.state = State::Running { lease };
        this.started_at = Some(core.now.wall_ms).into();
        let attempt = this.n_attempts;
        if let Some(details) = &mut this.details {
            details.open_steps.clear();
            details.next_step = 0;
        }
        self.touch(job);
        core.publish(
            self.id,
            EventKind::JobStarted {
                job,
                attempt,
                worker,
            },
        );
    }

    /// A worker that was thought gone still has the attempt.
    pub(crate) fn resume_held(
        &mut self,
        core: &mut Core,
        job: JobId,
        worker: WorkerId,
        token: Token,
    ) {
        let Some(worker) = core.workers.find(worker) else {
            return;
        };
        if let Some(class) = self.job(job).class {
            core.occupy(worker, self.job_ref(job), class, false);
        }
        let lease = Lease {
            worker,
            token,
            stopping: None,
        };
        self.job_mut(job).state = State::Running { lease };
        self.touch(job);
    }

    /// A step has begun.
    pub(crate) fn step_started(&mut self, core: &mut Core, attempt: AttemptId, begin: StepBegin) {
        let job = attempt.job;
        let details = self.job_mut(job).details();
        if begin.step < details.next_step {
            return;
        }
        details.next_step = begin.step.saturating_add(1);
        let row = StepRow {
            attempt,
            step: begin.step,
            name: begin.name.clone(),
            place: begin.place,
            log_from: begin.log_from,
            started_ms: core.now.wall_ms,
            end: None,
        };
        details.open_steps.push(row.clone());
        core.record(Change::Step(row));
        core.publish(
            self.id,
            EventKind::StepStarted {
                job,
                attempt: attempt.number,
                step: begin.step,
                name: begin.name,
                place: begin.place,
                log_from: begin.log_from,
            },
        );
    }

    /// A step has ended.
    pub(crate) fn step_finished(
        &mut self,
        core: &mut Core,
        attempt: AttemptId,
        step: u32,
        end: StepEnd,
        log_to: u64,
        took_ms: u64,
    ) {
        let job = attempt.job;
        let (name, place) = self.step_in_plan(job, step);
        let details = self.job_mut(job).details();
        let open = details.open_steps.iter().position(|row| row.step == step);
        let mut row = match open {
            Some(index) => details.open_steps.swap_remove(index),
            None if step < details.next_step => return,
            // Its beginning was told before a restart, or comes late.
            None => StepRow {
                attempt,
                step,
                name,
                place,
                log_from: log_to,
                started_ms: core.now.wall_ms,
                end: None,
            },
        };
        details.next_step = details.next_step.max(step.saturating_add(1));
        row.end = Some((end.clone(), log_to, took_ms));
        core.record(Change::Step(row));
        core.publish(
            self.id,
            EventKind::StepFinished {
                job,
                attempt: attempt.number,
                step,
                end,
                log_to,
                took_ms,
            },
        );
    }

    /// What the plan says about a step, by its index in an attempt.
    fn step_in_plan(&self, job: JobId, step: u32) -> (String, TextPlace) {
        let steps = self.job_plan(job).map(|plan| plan.steps.as_slice());
        match steps.and_then(|steps| steps.get(step as usize)) {
            Some(step) => (step.name.clone(), step.place),
            None => (format!("step {step}"), TextPlace::default()),
        }
    }

    /// An attempt has ended.
    pub(crate) fn finished(&mut self, core: &mut Core, job: JobId, result: AttemptResult) {
        let stopping = self
            .job(job)
            .lease()
            .and_then(|lease| lease.stopping.clone());
        self.vacate(core, job);
        let (outcome, outputs) = self.checked(job, result.outcome, &result.outputs);
        let outcome = match (outcome, &stopping) {
            (Outcome::Canceled { .. }, Some(by)) => Outcome::Canceled { by: by.to_string() },
            (outcome, _) => outcome,
        };
        if stopping.is_none() && self.retry(core, job, &outcome) {
            return self.proceed(core);
        }
        if !outputs.is_empty() || result.produced.is_some() {
            let details = self.job_mut(job).details();
            details.outputs = outputs;
            details.produced = result.produced;
        }
        self.end_job_after(core, job, outcome, result.took_ms);
        self.proceed(core);
    }

    /// Compares what a worker says with what the plan declares.
    fn checked(
        &self,
        job: JobId,
        outcome: Outcome,
        given: &BTreeMap<String, serde_json::Value>,
    ) -> (Outcome, BTreeMap<String, Value>) {
        let declared = self.job_plan(job).map_or(&[][..], |plan| &plan.outputs);
        let mut outputs = BTreeMap::new();
        let mut problem = given
            .keys()
            .find(|name| declared.iter().all(|output| output.name != **name))
            .map(|name| format!("the output `{name}` is not declared"));
        for output in declared {
            let name = &output.name;
            let read = given.get(name).map(|json| output.ty.read_json(json));
            match read {
                Some(Ok(value)) => {
                    outputs.insert(name.clone(), value);
                }
                Some(Err(error)) => problem = Some(format!("the output `{name}`: {error}")),
                None if output.optional => {}
                None => problem = Some(format!("the output `{name}` is missing")),
            }
        }
        let outcome = match (outcome, problem) {
            (Outcome::Succeeded, Some(message)) => Outcome::Failed {
                failure: Failure::Output { message },
            },
            (Outcome::Skipped { .. }, _) => Outcome::Failed {
                failure: Failure::System {
                    message: "its worker did not run it".to_owned(),
                },
            },
            (outcome, _) => outcome,
        };
        (outcome, outputs)
    }

    /// Tries a job again, where its plan says so.
    fn retry(&mut self, core: &mut Core, job: JobId, outcome: &Outcome) -> bool {
        let reason = match outcome {
            Outcome::Failed {
                failure: Failure::Expression { .. },
            } => return false,
            Outcome::Failed { .. } => RetryOn::Failed,
            Outcome::TimedOut { .. } => RetryOn::TimedOut,
            Outcome::Lost { .. } => RetryOn::WorkerLost,
            _ => return false,
        };
        let attempt = self.job(job).n_attempts;
        let Some(rule) = self.job_plan(job).map(|plan| &plan.retry) else {
            return false;
        };
        if !rule.on.contains(&reason) || attempt > rule.times || self.starts_no_more(job) {
            return false;
        }
        let doubled = 1_u64.checked_shl(attempt.saturating_sub(1));
        let delay_ms = rule
            .delay_ms
            .saturating_mul(doubled.unwrap_or(u64::MAX))
            .min(RETRY_DELAY_LIMIT_MS);
        core.publish(
            self.id,
            EventKind::JobRetried {
                job,
                attempt,
                outcome: outcome.clone(),
                delay_ms,
            },
        );
        if delay_ms == 0 {
            self.enqueue_again(core, job);
        } else {
            self.retry_in(core, job, delay_ms);
        }
        true
    }

    /// Sets the next attempt of a job.
    pub(crate) fn retry_in(&mut self, core: &mut Core, job: JobId, delay_ms: u64) {
        let at_ms = core.now.mono_ms.saturating_add(delay_ms);
        core.timers.set(at_ms, Timer::Retry(self.id, job));
        let at_wall_ms = core.now.wall_ms.saturating_add_unsigned(delay_ms);
        self.job_mut(job).state = State::Retrying { at_ms, at_wall_ms };
        self.touch(job);
    }

    /// The time of the next attempt may have come.
    pub(crate) fn wake(&mut self, core: &mut Core, job: JobId) {
        let now_ms = core.now.mono_ms;
        if matches!(self.job(job).state, State::Retrying { at_ms, .. } if at_ms <= now_ms) {
            self.enqueue_again(core, job);
            self.proceed(core);
        }
    }

    /// Whether the fan-out of a job has failed so often that nothing of it starts any more.
    fn starts_no_more(&self, job: JobId) -> bool {
        let group = self.job(job).group;
        let fan_out = self.node(group).fan_out.as_ref();
        let is_bound = fan_out.is_some_and(|fan_out| {
            fan_out.max_failures.is_some() || (fan_out.fail_fast && !self.keep_going)
        });
        is_bound && self.group(group).is_doomed
    }

    /// A worker gives an attempt back that it did not start.
    pub(crate) fn returned(&mut self, core: &mut Core, job: JobId) {
        let is_assigned = matches!(self.job(job).state, State::Assigned { .. });
        let Some(lease) = self.job(job).lease().cloned() else {
            return;
        };
        match lease.stopping {
            Some(by) => {
                self.vacate(core, job);
                let by = by.to_string();
                self.end_job(core, job, Outcome::Canceled { by });
            }
            None if is_assigned => {
                self.vacate(core, job);
                self.job_mut(job).n_attempts -= 1;
                self.enqueue(core, job);
            }
            None => {}
        }
        self.proceed(core);
    }

    /// A worker came back without an attempt that it was sent.
    pub(crate) fn missing(&mut self, core: &mut Core, job: JobId, message: String) {
        match &self.job(job).state {
            State::Running { lease } if lease.stopping.is_none() => self.lost(core, job, message),
            _ => self.returned(core, job),
        }
    }

    /// The lease of an attempt has ended, or its worker says that it is gone.
    pub(crate) fn lost(&mut self, core: &mut Core, job: JobId, message: String) {
        let Some(lease) = self.job(job).lease().cloned() else {
            return;
        };
        self.vacate(core, job);
        let outcome = Outcome::Lost {
            message: message.clone(),
        };
        let node = self.group(self.job(job).group).node;
        if lease.stopping.is_some() {
            self.end_job(core, job, outcome);
        } else if self.retry(core, job, &outcome) {
        } else if self.shape.nodes[node.index()].is_guarded {
            self.job_mut(job).state = State::Held {
                reason: message.into(),
                worker: core.workers.id(lease.worker),
                token: lease.token,
            };
            self.touch(job);
        } else {
            self.end_job(core, job, outcome);
        }
        self.proceed(core);
    }

    /// The worker of an attempt has its slot back.
    fn vacate(&mut self, core: &mut Core, job: JobId) {
        if let Some(lease) = self.job(job).lease() {
            core.vacate(lease.worker, self.job_ref(job));
        }
    }

    /// A job has ended without an attempt that would have told how long it took.
    pub(crate) fn end_job(&mut self, core: &mut Core, job: JobId, outcome: Outcome) {
        let started = self.job(job).started_at.get();
        let took_ms = started.map_or(0, |at| core.now.wall_ms.saturating_sub(at).max(0) as u64);
        self.end_job_after(core, job, outcome, took_ms);
    }

    fn end_job_after(&mut self, core: &mut Core, job: JobId, outcome: Outcome, took_ms: u64) {
        if self.job(job).has_ended() {
            return;
        }
        let was_active = !matches!(self.job(job).state, State::Waiting | State::Due);
        if let (State::Queued, Some(class)) = (&self.job(job).state, self.job(job).class) {
            core.queue.remove(class, &self.queue_key(job));
        }
        self.release_job(core, job);
        let may_fail = self.job_plan(job).is_some_and(|plan| plan.allow_failure);
        let allowed = may_fail && outcome.is_failure();
        let this = self.job_mut(job);
        this.finished_at = Some(core.now.wall_ms).into();
        this.state = State::Ended(Ending {
            outcome: outcome.clone(),
            allowed,
        });
        let attempt = this.n_attempts;
        let outputs = this.details.as_deref_mut().map(Details::close);
        if this.details.as_deref().is_some_and(Details::is_empty) {
            this.details = None;
        }
        self.touch(job);
        core.publish(
            self.id,
            EventKind::JobFinished {
                job,
                attempt,
                outcome,
                allowed,
                outputs: outputs.unwrap_or_default(),
                took_ms,
            },
        );
        self.after_element(core, self.element_of(job), was_active);
    }
}

impl Details {
    /// Lets go of what a job that has ended needs no more, and gives its outputs.
    fn close(&mut self) -> BTreeMap<String, Value> {
        self.open_steps = Vec::new();
        self.next_step = 0;
        self.expires_ms = None;
        self.outputs.clone()
    }

    fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.produced.is_none() && self.approvals.is_empty()
    }
}
