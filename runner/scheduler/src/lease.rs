//! Workers come and go; what they hold stays theirs until their leases end.

use crate::effect::Effect;
use crate::input::Registration;
use crate::scheduler::Scheduler;
use crate::timers::Timer;
use crate::workers::{JobRef, Place, Room, Worker, WorkerFacts, WorkerIdx};
use model::ids::{AttemptId, Token, WorkerId};
use model::value::Value;
use std::collections::BTreeSet;

impl Scheduler {
    /// A worker is there, for the first time or again.
    pub(crate) fn worker_registered(&mut self, registration: Registration) {
        let core = &mut self.core;
        let id = registration.worker;
        let index = match core.workers.find(id) {
            Some(index) => index,
            None => core.know_worker(id),
        };
        let facts = WorkerFacts {
            name: registration.name,
            labels: registration.labels,
            facts: registration.facts,
        };
        core.workers.rename(index, facts);
        let now_ms = core.now.mono_ms;
        let worker = core.workers.get_mut(index);
        worker.n_slots = registration.n_slots;
        worker.n_prefetch = registration.n_prefetch;
        worker.is_linked = true;
        worker.is_draining = false;
        core.match_worker(index);
        core.set_heard(index, now_ms);
        self.reconcile(index, &registration.held);
        self.arrange(index);
        self.core.refresh(index);
    }

    /// Compares what a worker holds with what it was sent.
    fn reconcile(&mut self, index: WorkerIdx, held: &[(AttemptId, Token)]) {
        let id = self.core.workers.id(index);
        let there: BTreeSet<_> = held.iter().copied().collect();
        for job in self.core.holdings(index) {
            let run = self.runs.get(job.slot);
            let attempt = run.and_then(|run| run.attempt_of(job.job));
            let is_there = attempt.is_some_and(|attempt| there.contains(&attempt));
            let name = self.core.workers.name(index);
            if is_there {
                self.stop_again(job, index);
            } else {
                let message = format!("{name} came back without it");
                self.with_slot(job.slot, |run, core| run.missing(core, job.job, message));
            }
        }
        for (attempt, token) in there {
            let run = self.runs.by_id(attempt.run);
            let is_known = run.is_some_and(|run| run.is_held(&self.core, attempt, token, id));
            if is_known {
                self.with_run(attempt.run, |run, core| {
                    if run.is_waiting_for_worker(attempt.job) {
                        run.resume_held(core, attempt.job, id, token);
                    }
                });
            } else {
                self.core.effects.push(Effect::Stop {
                    worker: id,
                    attempt,
                    token,
                    reason: "its lease has ended".to_owned(),
                });
            }
        }
    }

    /// Says anew which attempts of a worker are in slots: those that have begun, and as many more as
    /// there is room for. Whether it was asked to give something back is forgotten: it may not have
    /// heard it.
    fn arrange(&mut self, index: WorkerIdx) {
        let holdings = self.core.holdings(index);
        let (unstarted, started): (Vec<_>, Vec<_>) = holdings.into_iter().partition(|job| {
            let run = self.runs.get(job.slot);
            run.is_some_and(|run| run.is_unstarted_at_worker(job.job))
        });
        let n_slots = self.core.workers.get(index).n_slots as usize;
        for (n, job) in started.into_iter().chain(unstarted).enumerate() {
            let run = self.runs.get(job.slot);
            let may_wait = run.is_some_and(|run| {
                run.is_unstarted_at_worker(job.job) && run.may_prefetch(job.job)
            });
            self.core.begin(index, job);
            if may_wait && n >= n_slots {
                self.core.put_behind(index, job);
            }
        }
    }

    /// Tells a worker once more to stop what it was told to stop: it may not have heard it.
    fn stop_again(&mut self, job: JobRef, index: WorkerIdx) {
        let Some(run) = self.runs.get(job.slot) else {
            return;
        };
        let stopping = run.job(job.job).lease();
        let stopping = stopping.and_then(|lease| lease.stopping.clone());
        if let (Some(by), Some((attempt, token))) = (stopping, run.attempt_of(job.job)) {
            self.core.effects.push(Effect::Stop {
                worker: self.core.workers.id(index),
                attempt,
                token,
                reason: format!("canceled by {by}"),
            });
        }
    }

    /// A worker's connection ended.
    pub(crate) fn worker_gone(&mut self, worker: WorkerId) {
        if let Some(index) = self.core.workers.find(worker) {
            self.core.workers.get_mut(index).is_linked = false;
            self.core.refresh(index);
            self.forget_if_idle(index);
        }
    }

    /// A worker was heard of.
    pub(crate) fn heard(&mut self, worker: WorkerId) {
        if let Some(index) = self.core.workers.find(worker) {
            let now_ms = self.core.now.mono_ms;
            self.core.set_heard(index, now_ms);
        }
    }

    /// A worker is to take no more, or may again.
    pub(crate) fn drain(&mut self, worker: WorkerId, drain: bool) {
        let Some(index) = self.core.workers.find(worker) else {
            return;
        };
        self.core.workers.get_mut(index).is_draining = drain;
        self.core.refresh(index);
        if !drain {
            return;
        }
        let held = &self.core.workers.get(index).held;
        let waiting = held.iter().filter(|held| held.place == Place::Prefetched);
        for job in waiting.map(|held| held.job).collect::<Vec<_>>() {
            self.recall_one(job, index);
        }
    }

    /// A worker gave something back: was it asked to?
    pub(crate) fn refused(&mut self, worker: WorkerId, attempt: AttemptId) {
        let Some(index) = self.core.workers.find(worker) else {
            return;
        };
        let this = self.core.workers.get_mut(index);
        let held = this
            .held
            .iter()
            .find(|held| held.job.run == attempt.run && held.job.job == attempt.job);
        if held.is_some_and(|held| held.place != Place::Recalled) {
            this.has_refused = true;
            self.core.refresh(index);
        }
    }

    /// A worker may have become unreachable, or its leases may have ended.
    pub(crate) fn check_worker(&mut self, worker: WorkerId) {
        let Some(index) = self.core.workers.find(worker) else {
            return;
        };
        let now_ms = self.core.now.mono_ms;
        let config = &self.core.config;
        let (unreachable_ms, lease_ms) = (config.unreachable_ms, config.lease_ms);
        let this = self.core.workers.get_mut(index);
        let unreachable_at = this.heard_ms.saturating_add(unreachable_ms);
        let lost_at = this.lease_from_ms.saturating_add(lease_ms);
        if now_ms < unreachable_at {
            self.core.timers.set(unreachable_at, Timer::Worker(worker));
            return;
        }
        this.is_reachable = false;
        self.core.refresh(index);
        if now_ms < lost_at {
            self.core.timers.set(lost_at, Timer::Worker(worker));
            return;
        }
        self.core.workers.get_mut(index).is_watched = false;
        for job in self.core.holdings(index) {
            let name = self.core.workers.name(index);
            let after = Value::Duration(lease_ms);
            let message = format!("{name} was not heard of for {after}");
            self.with_slot(job.slot, |run, core| run.lost(core, job.job, message));
        }
        self.forget_if_idle(index);
    }

    /// A worker without a session that holds nothing is of no interest.
    fn forget_if_idle(&mut self, index: WorkerIdx) {
        let worker = self.core.workers.get(index);
        if !worker.is_linked && worker.held.is_empty() {
            self.core.unmatch_worker(index);
            self.core.workers.remove(index);
        }
    }
}

/// A wake-up that comes so late says that the runner itself was away: its process was stopped, its
/// machine slept or was busy. Far more than a loaded machine needs to wake a thread, far less than
/// the time after which a worker counts as unreachable.
const OWN_ABSENCE_MS: u64 = 2_000;

impl crate::core::Core {
    /// Who could not be heard was not silent: where the scheduler was called later than it had asked
    /// for, every worker is given that time. Its own lease ends before, so nothing runs twice.
    pub(crate) fn forgive_own_absence(&mut self) {
        let absent_ms = self.timers.delay_ms(self.now.mono_ms);
        if absent_ms > OWN_ABSENCE_MS {
            for worker in self.workers.iter_mut() {
                worker.heard_ms += absent_ms;
                worker.lease_from_ms += absent_ms;
            }
        }
    }

    /// A worker of which nothing is known but its id: it has a full lease.
    pub(crate) fn know_worker(&mut self, id: WorkerId) -> WorkerIdx {
        let now_ms = self.now.mono_ms;
        let index = self.workers.insert(Worker {
            id,
            facts: WorkerFacts {
                name: format!("worker {id}"),
                ..WorkerFacts::default()
            },
            n_slots: 0,
            n_prefetch: 0,
            is_linked: false,
            is_reachable: false,
            is_draining: false,
            has_refused: false,
            is_watched: false,
            heard_ms: now_ms,
            lease_from_ms: now_ms,
            held: Vec::new(),
            classes: Vec::new(),
            room: Room::None,
        });
        self.watch_worker(index);
        index
    }

    /// A worker was heard of: its leases begin anew.
    pub(crate) fn set_heard(&mut self, index: WorkerIdx, now_ms: u64) {
        let worker = self.workers.get_mut(index);
        worker.heard_ms = worker.heard_ms.max(now_ms);
        worker.lease_from_ms = worker.lease_from_ms.max(now_ms);
        worker.is_reachable = true;
        worker.has_refused = false;
        self.watch_worker(index);
        self.refresh(index);
    }

    /// Sets the timer that looks after a worker, unless it is set: it goes on by itself.
    fn watch_worker(&mut self, index: WorkerIdx) {
        let unreachable_ms = self.config.unreachable_ms;
        let worker = self.workers.get_mut(index);
        if !std::mem::replace(&mut worker.is_watched, true) {
            let at_ms = worker.heard_ms.saturating_add(unreachable_ms);
            self.timers.set(at_ms, Timer::Worker(worker.id));
        }
    }

    /// What a worker holds.
    pub(crate) fn holdings(&self, index: WorkerIdx) -> Vec<JobRef> {
        let held = &self.workers.get(index).held;
        held.iter().map(|held| held.job).collect()
    }
}
