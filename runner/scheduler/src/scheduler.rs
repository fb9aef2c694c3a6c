//! The scheduler: hands each input to whom it concerns, and then looks at what follows.

use crate::concurrency::Groups;
use crate::config::SchedulerConfig;
use crate::core::Core;
use crate::effect::Effect;
use crate::input::{AttemptResult, Input, Now, Submit};
use crate::queue::QueueKey;
use crate::record::{Change, RUN_TIMEOUT};
use crate::run::{Run, RunSlot, ScopeIdx, ScopeState};
use crate::timers::Timer;
use crate::workers::{JobRef, WorkerIdx};
use model::event::EventKind;
use model::ids::{AttemptId, JobId, RunId, Token, WorkerId};
use std::collections::BTreeMap;

/// Decides everything about runs.
#[derive(Debug)]
pub struct Scheduler {
    pub(crate) core: Core,
    pub(crate) runs: Runs,
    pub(crate) groups: Groups,
}

/// The runs that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    slots: Vec<Option<Box<Run>>>,
    free: Vec<RunSlot>,
    by_id: BTreeMap<RunId, RunSlot>,
    /// Those in which something may have changed.
    changed: Vec<RunSlot>,
    /// Those with rows that have changed.
    unwritten: Vec<RunSlot>,
}

impl Scheduler {
    /// A scheduler of an empty store.
    #[must_use]
    pub fn new(config: SchedulerConfig) -> Self {
        let now = Now {
            mono_ms: 0,
            wall_ms: 0,
        };
        Self {
            core: Core::new(config, now, Token(0)),
            runs: Runs::default(),
            groups: Groups::default(),
        }
    }

    /// Handles one input. What is to be done is added to `effects`.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        // The monotonic clock is monotonic, whatever the caller says.
        self.core.now = Now {
            mono_ms: now.mono_ms.max(self.core.now.mono_ms),
            wall_ms: now.wall_ms,
        };
        std::mem::swap(&mut self.core.effects, effects);
        self.core.forgive_own_absence();
        self.ring();
        self.route(input);
        self.settle();
        if let Some(at_ms) = self.core.timers.announce() {
            self.core.effects.push(Effect::WakeAt(at_ms));
        }
        std::mem::swap(&mut self.core.effects, effects);
    }

    fn route(&mut self, input: Input) {
        match input {
            Input::Submit(submit) => self.submit(submit),
            Input::WorkerRegistered(registration) => self.worker_registered(registration),
            Input::WorkerGone { worker } => self.worker_gone(worker),
            Input::Heartbeat { worker } => self.heard(worker),
            Input::Drain { worker, drain } => self.drain(worker, drain),
            Input::Started {
                worker,
                attempt,
                token,
            } => {
                self.attempt(worker, attempt, token, |run, core| {
                    run.started(core, attempt.job);
                });
            }
            Input::StepStarted {
                worker,
                attempt,
                token,
                step,
            } => {
                self.attempt(worker, attempt, token, |run, core| {
                    run.step_started(core, attempt, step);
                });
            }
            Input::StepFinished {
                worker,
                attempt,
                token,
                step,
                end,
                log_to,
                took_ms,
            } => {
                self.attempt(worker, attempt, token, |run, core| {
                    run.step_finished(core, attempt, step, end, log_to, took_ms);
                });
            }
            Input::LogGrew {
                worker,
                attempt,
                token,
                length,
            } => {
                self.attempt(worker, attempt, token, |run, core| {
                    let event = EventKind::LogGrew {
                        job: attempt.job,
                        attempt: attempt.number,
                        length,
                    };
                    core.publish(run.id, event);
                });
            }
            Input::Finished {
                worker,
                attempt,
                token,
                result,
            } => self.finished(worker, attempt, token, result),
            Input::Returned {
                worker,
                attempt,
                token,
            } => {
                let run = self.runs.by_id(attempt.run);
                if run.is_some_and(|run| run.is_held(&self.core, attempt, token, worker)) {
                    self.refused(worker, attempt);
                }
                self.attempt(worker, attempt, token, |run, core| {
                    run.returned(core, attempt.job);
                });
            }
            Input::Cancel { run, by } => self.with_run(run, |run, core| run.cancel(core, &by)),
            Input::Decide {
                run,
                job,
                person,
                teams,
                approve,
            } => self.with_run(run, |run, core| {
                if job.index() < run.jobs.len() {
                    run.decide(core, job, &person, &teams, approve);
                }
            }),
            Input::Wake => {}
        }
    }

    fn submit(&mut self, submit: Submit) {
        if self.runs.find(submit.run).is_some() {
            return;
        }
        let core = &mut self.core;
        let (id, plan) = (submit.run, submit.plan.clone());
        let slot = self.runs.next_slot();
        let run = Run::new(submit, slot, core.now.wall_ms, &core.config.url_base);
        core.record(Change::Plan {
            run: id,
            plan: plan.clone(),
        });
        let started = EventKind::RunStarted {
            pipeline: plan.pipeline.clone(),
            trigger: plan.event.kind.clone(),
            commit: plan.event.commit.clone(),
            n_jobs: run.jobs.len() as u32,
        };
        core.publish(id, started);
        for event in run.created_since(0) {
            core.publish(id, event);
        }
        if let Some(timeout_ms) = plan.timeout_ms {
            let at_ms = core.now.mono_ms.saturating_add(timeout_ms);
            core.timers.set(at_ms, Timer::Run(id));
        }
        self.runs.insert(run);
        self.runs.changed.push(slot);
        let older = match &plan.concurrency {
            Some(concurrency) => self.groups.join(concurrency, id),
            None => Vec::new(),
        };
        for older in older {
            let by = format!("run {id}");
            self.with_run(older, |run, core| run.cancel(core, &by));
        }
        if self.groups.may_enter(&plan, id) {
            self.with_run(id, |run, core| run.enter(core));
        }
    }

    fn finished(
        &mut self,
        worker: WorkerId,
        attempt: AttemptId,
        token: Token,
        result: AttemptResult,
    ) {
        self.attempt(worker, attempt, token, |run, core| {
            run.finished(core, attempt.job, result);
        });
        // Also what is of no interest any more, so that the worker forgets it.
        self.core.effects.push(Effect::Acknowledge {
            worker,
            attempt,
            token,
        });
    }

    /// Does something with an attempt, if this worker holds it.
    fn attempt(
        &mut self,
        worker: WorkerId,
        attempt: AttemptId,
        token: Token,
        act: impl FnOnce(&mut Run, &mut Core),
    ) {
        self.with_run(attempt.run, |run, core| {
            if run.is_held(core, attempt, token, worker) {
                act(run, core);
            }
        });
    }

    /// Does something with a run, if it is alive.
    pub(crate) fn with_run(&mut self, run: RunId, act: impl FnOnce(&mut Run, &mut Core)) {
        if let Some(slot) = self.runs.find(run) {
            self.with_slot(slot, act);
        }
    }

    pub(crate) fn with_slot(&mut self, slot: RunSlot, act: impl FnOnce(&mut Run, &mut Core)) {
        if let Some(run) = self.runs.get_mut(slot) {
            act(run, &mut self.core);
            self.runs.changed.push(slot);
        }
    }

    /// Looks at what time has brought.
    fn ring(&mut self) {
        while let Some(timer) = self.core.timers.pop(self.core.now.mono_ms) {
            match timer {
                Timer::Worker(worker) => self.check_worker(worker),
                Timer::Retry(run, job) => self.with_job(run, job, Run::wake),
                Timer::Approval(run, job) => self.with_job(run, job, Run::expire),
                Timer::Run(run) => self.with_run(run, |run, core| run.cancel(core, RUN_TIMEOUT)),
            }
        }
    }

    fn with_job(&mut self, run: RunId, job: JobId, act: impl FnOnce(&mut Run, &mut Core, JobId)) {
        self.with_run(run, |run, core| act(run, core, job));
    }

    /// Carries on until nothing more follows.
    fn settle(&mut self) {
        loop {
            if let Some(owner) = self.core.granted.pop_front() {
                self.with_run(owner.run, |run, core| run.granted(core, owner.part));
            } else if let Some(slot) = self.runs.changed.pop() {
                self.after_change(slot);
            } else if !self.dispatch_one() {
                break;
            }
        }
        self.recall();
        self.core.queue.settle();
        // Last, so that a job that was queued and sent at once is one row.
        for slot in std::mem::take(&mut self.runs.unwritten) {
            if let Some(run) = self.runs.get_mut(slot) {
                run.flush(&mut self.core);
            }
        }
    }

    /// Ends a run where all of it has ended.
    fn after_change(&mut self, slot: RunSlot) {
        let Some(run) = self.runs.get_mut(slot) else {
            return;
        };
        if matches!(run.scope(ScopeIdx(0)).state, ScopeState::Ended(_)) {
            run.flush(&mut self.core);
            self.end_run(slot);
        } else if run.has_unwritten() {
            self.runs.unwritten.push(slot);
        }
    }

    fn end_run(&mut self, slot: RunSlot) {
        let Some(run) = self.runs.remove(slot) else {
            return;
        };
        let core = &mut self.core;
        let outcome = run.run_outcome();
        let row = run.row(Some(outcome.clone()), Some(core.now.wall_ms));
        core.record(Change::Run(row));
        let took_ms = core.now.wall_ms.saturating_sub(run.submitted_ms).max(0) as u64;
        core.publish(run.id, EventKind::RunFinished { outcome, took_ms });
        for class in &run.classes {
            core.queue.unshare(*class);
        }
        core.sweep_classes();
        if let Some(next) = self.groups.leave(&run.plan, run.id) {
            self.with_run(next, |run, core| run.enter(core));
        }
    }

    /// Sends one job to a worker; `false` where none can be sent.
    fn dispatch_one(&mut self) -> bool {
        if let Some((_, key, worker)) = self.core.queue.next_pair() {
            self.with_slot(key.slot, |run, core| {
                run.assign(core, key.job, worker, false);
            });
            return true;
        }
        let runs = &self.runs;
        let may_wait = |key: &QueueKey| {
            let run = runs.get(key.slot);
            run.is_some_and(|run| run.may_prefetch(key.job))
        };
        let Some((key, worker)) = self.core.next_prefetch(may_wait) else {
            return false;
        };
        self.with_slot(key.slot, |run, core| {
            run.assign(core, key.job, worker, true)
        });
        true
    }

    /// Asks back what waits at one worker while another is idle.
    fn recall(&mut self) {
        for (job, worker) in self.core.wanted_back() {
            self.recall_one(job, worker);
        }
    }

    /// Asks an attempt back that waits at its worker.
    pub(crate) fn recall_one(&mut self, job: JobRef, worker: WorkerIdx) {
        let run = self.runs.get(job.slot);
        if let Some((attempt, token)) = run.and_then(|run| run.attempt_of(job.job)) {
            self.core.mark_recalled(worker, job);
            self.core.effects.push(Effect::Recall {
                worker: self.core.workers.id(worker),
                attempt,
                token,
            });
        }
    }
}

impl Runs {
    pub(crate) fn find(&self, id: RunId) -> Option<RunSlot> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, slot: RunSlot) -> Option<&Run> {
        self.slots.get(slot.0 as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, slot: RunSlot) -> Option<&mut Run> {
        self.slots.get_mut(slot.0 as usize)?.as_deref_mut()
    }

    pub(crate) fn by_id(&self, id: RunId) -> Option<&Run> {
        self.get(self.find(id)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Run> {
        self.by_id.values().filter_map(|slot| self.get(*slot))
    }

    /// Where the next run will lie.
    pub(crate) fn next_slot(&self) -> RunSlot {
        let end = RunSlot(self.slots.len() as u32);
        self.free.last().copied().unwrap_or(end)
    }

    pub(crate) fn insert(&mut self, run: Run) {
        let slot = run.slot;
        self.by_id.insert(run.id, slot);
        match self.free.pop() {
            Some(_) => self.slots[slot.0 as usize] = Some(Box::new(run)),
            None => self.slots.push(Some(Box::new(run))),
        }
    }

    fn remove(&mut self, slot: RunSlot) -> Option<Box<Run>> {
        let run = self.slots.get_mut(slot.0 as usize)?.take()?;
        self.by_id.remove(&run.id);
        self.free.push(slot);
        Some(run)
    }
}
