//! Attempts: one begins, ends, is given back, is lost; and with the last one the job has ended.

use super::{Details, Ending, Lease, Run, State};
use crate::core::Core;
use crate::input::AttemptResult;
use model::event::EventKind;
use model::ids::{AttemptId, JobId, Token, WorkerId};
use model::outcome::{Failure, Outcome};
use model::value::Value;
use std::collections::BTreeMap;

impl Run {
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
