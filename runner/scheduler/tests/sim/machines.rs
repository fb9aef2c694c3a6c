//! The workers' side of the world: what they do with what they are sent, and what they tell.

use super::plans::ELEMENTS;
use super::worker::{STOP_GRACE_MS, WorkStage, result};
use super::world::{HEARTBEAT_MS, Happening, RESEND_MS, World};
use model::event::StepEnd;
use model::ids::{AttemptId, Token};
use model::outcome::{Failure, Outcome};
use model::plan::RetryOn;
use model::spec::Place;
use scheduler::Effect;
use scheduler::input::{AttemptResult, Input, Registration, StepBegin};
use std::collections::BTreeMap;

impl World {
    pub(super) fn send(&mut self, worker: usize, input: Input) {
        let Some(session) = self.workers[worker].session else {
            return;
        };
        let id = self.workers[worker].id;
        let is_session = matches!(input, Input::WorkerRegistered(_) | Input::WorkerGone { .. });
        if self.fault() && !is_session {
            // Lost, and where nobody sends it again, with the session: the next one tells.
            let is_resent = !matches!(input, Input::Returned { .. });
            if self.chance.percent(30) || !is_resent {
                self.break_link(worker);
            }
            return;
        }
        let n_copies = if self.fault() && !is_session { 2 } else { 1 };
        for _ in 0..n_copies {
            let delay_ms = self.delay_ms();
            let happening = Happening::AtRunner {
                session: Some((id, session)),
                input: input.clone(),
                sent_ms: self.now_ms,
            };
            self.after(delay_ms, happening);
        }
    }

    pub(super) fn reconnect(&mut self, worker: usize) {
        let this = &self.workers[worker];
        if !this.is_up || this.session.is_some() {
            return;
        }
        if self.runner.is_none() {
            self.after(2_000, Happening::Reconnect(worker));
            return;
        }
        self.next_session += 1;
        let this = &mut self.workers[worker];
        this.session = Some(self.next_session);
        let registration = Registration {
            worker: this.id,
            name: format!("w{}", this.id),
            labels: this.labels.clone(),
            facts: BTreeMap::new(),
            n_slots: this.n_slots,
            n_prefetch: this.n_prefetch,
            held: this.held(),
        };
        self.send(worker, Input::WorkerRegistered(registration));
    }

    pub(super) fn break_link(&mut self, worker: usize) {
        let id = self.workers[worker].id;
        let Some(session) = self.workers[worker].session.take() else {
            return;
        };
        self.note(|| format!("the link of worker {id} breaks"));
        let delay_ms = self.chance.below(5_000);
        let happening = Happening::AtRunner {
            session: Some((id, session)),
            input: Input::WorkerGone { worker: id },
            sent_ms: self.now_ms,
        };
        self.after(delay_ms, happening);
        let delay_ms = match self.chance.percent(70) {
            true => self.chance.below(10_000),
            false => self.chance.below(300_000),
        };
        self.after(delay_ms, Happening::Reconnect(worker));
    }

    pub(super) fn heartbeat(&mut self, worker: usize) {
        if self.is_done() {
            return;
        }
        self.after(HEARTBEAT_MS, Happening::Heartbeat(worker));
        let id = self.workers[worker].id;
        if self.workers[worker].is_up {
            self.send(worker, Input::Heartbeat { worker: id });
            self.stop_before_lease_ends(worker);
        }
    }

    /// What may be started elsewhere when the lease has ended is stopped before.
    pub(super) fn stop_before_lease_ends(&mut self, worker: usize) {
        let silent_ms = self.now_ms.saturating_sub(self.workers[worker].heard_ms);
        // It looks only so often.
        if silent_ms + HEARTBEAT_MS + STOP_GRACE_MS < self.config.lease_ms {
            return;
        }
        let doomed: Vec<_> = self.workers[worker]
            .work
            .iter()
            .filter(|work| work.stops_with_lease && !matches!(work.stage, WorkStage::Ended(_)))
            .map(|work| (work.attempt, work.token))
            .collect();
        for (attempt, token) in doomed {
            let message = "its lease ended".to_owned();
            self.end_work(worker, attempt, token, result(Outcome::Lost { message }));
        }
    }

    pub(super) fn resend(&mut self, worker: usize) {
        if self.is_done() {
            return;
        }
        self.after(RESEND_MS, Happening::Resend(worker));
        if !self.workers[worker].is_up {
            return;
        }
        for work in self.workers[worker].work.clone() {
            self.report_work(worker, work.attempt, work.token);
        }
    }

    /// Tells the runner where an attempt is.
    pub(super) fn report_work(&mut self, worker: usize, attempt: AttemptId, token: Token) {
        let id = self.workers[worker].id;
        let Some(work) = self.workers[worker].find(attempt, token) else {
            return;
        };
        let input = match &work.stage {
            WorkStage::Unstarted => return,
            WorkStage::Running { .. } => Input::Started {
                worker: id,
                attempt,
                token,
            },
            WorkStage::Ended(result) => Input::Finished {
                worker: id,
                attempt,
                token,
                result: result.clone(),
            },
        };
        self.send(worker, input);
    }

    pub(super) fn at_worker(&mut self, worker: usize, session: u64, effect: Effect) {
        if self.workers[worker].session != Some(session) {
            return;
        }
        let id = self.workers[worker].id;
        match effect {
            Effect::Dispatch(dispatch) => {
                let run = dispatch.attempt.run;
                let row = self.store.jobs.get(&(run, dispatch.attempt.job));
                let node = row.map(|row| self.store.plans[&run].node(row.node));
                let job = node.and_then(|node| node.as_job());
                let stops = job.is_some_and(|job| job.retry.on.contains(&RetryOn::WorkerLost));
                // Now and then a worker has no slot after all.
                if self.fault() && self.chance.percent(20) {
                    self.send(
                        worker,
                        Input::Returned {
                            worker: id,
                            attempt: dispatch.attempt,
                            token: dispatch.token,
                        },
                    );
                    return;
                }
                self.workers[worker].accept(&dispatch, stops);
                self.start_work(worker);
            }
            Effect::Stop { attempt, token, .. } => {
                let Some(work) = self.workers[worker].find(attempt, token) else {
                    return;
                };
                if matches!(work.stage, WorkStage::Ended(_)) {
                    return;
                }
                let by = "the runner".to_owned();
                self.end_work(worker, attempt, token, result(Outcome::Canceled { by }));
            }
            Effect::Recall { attempt, token, .. } => {
                let work = self.workers[worker].find(attempt, token);
                if work.is_some_and(|work| matches!(work.stage, WorkStage::Unstarted)) {
                    self.workers[worker].work.retain(|work| work.token != token);
                    let input = Input::Returned {
                        worker: id,
                        attempt,
                        token,
                    };
                    self.send(worker, input);
                }
            }
            Effect::Acknowledge { attempt, token, .. } => {
                self.workers[worker].work.retain(|work| {
                    let this = work.attempt == attempt && work.token == token;
                    !(this && matches!(work.stage, WorkStage::Ended(_)))
                });
                self.start_work(worker);
            }
            Effect::Record(_) | Effect::WakeAt(_) | Effect::Publish { .. } => {}
        }
    }

    pub(super) fn start_work(&mut self, worker: usize) {
        loop {
            let ends = self.next_number;
            let Some(work) = self.workers[worker].next_to_start() else {
                return;
            };
            work.stage = WorkStage::Running { ends };
            let (attempt, token, name) = (work.attempt, work.token, work.name.clone());
            let took_ms = match self.chance.percent(10) {
                true => self.chance.within(10_000, 60_000),
                false => self.chance.within(1, 4_000),
            };
            self.after(took_ms, Happening::Ends { worker, token });
            self.report_work(worker, attempt, token);
            let id = self.workers[worker].id;
            self.send(
                worker,
                Input::StepStarted {
                    worker: id,
                    attempt,
                    token,
                    step: StepBegin {
                        step: 0,
                        name,
                        place: Place::default(),
                        log_from: 0,
                    },
                },
            );
        }
    }

    pub(super) fn work_ends(&mut self, worker: usize, token: Token, number: u64) {
        let work = self.workers[worker].work.iter().find(|work| {
            work.token == token
                && matches!(work.stage, WorkStage::Running { ends } if ends == number)
        });
        let Some(attempt) = work.map(|work| work.attempt) else {
            return;
        };
        let id = self.workers[worker].id;
        self.send(
            worker,
            Input::StepFinished {
                worker: id,
                attempt,
                token,
                step: 0,
                end: StepEnd::Succeeded,
                log_to: 10,
                took_ms: 1,
            },
        );
        let result = self.random_result();
        self.end_work(worker, attempt, token, result);
    }

    pub(super) fn random_result(&mut self) -> AttemptResult {
        let outcome = match self.chance.below(100) {
            0..12 => Outcome::Failed {
                failure: Failure::Exit { step: 0, code: 1 },
            },
            12..15 => Outcome::TimedOut {
                after_ms: 1,
                step: Some(0),
            },
            _ => Outcome::Succeeded,
        };
        let n = self.chance.below(4) as usize;
        let mut list: Vec<_> = ELEMENTS[..n]
            .iter()
            .map(|&e| serde_json::json!(e))
            .collect();
        match self.chance.below(50) {
            0 => list.extend(list.first().cloned()),
            1 => list.push(serde_json::json!(7)),
            _ => {}
        }
        let mut result = result(outcome);
        if self.chance.below(50) > 0 {
            result.outputs.insert("list".to_owned(), list.into());
        }
        result
    }

    pub(super) fn end_work(
        &mut self,
        worker: usize,
        attempt: AttemptId,
        token: Token,
        end: AttemptResult,
    ) {
        if let Some(work) = self.workers[worker].find(attempt, token) {
            work.stage = WorkStage::Ended(end);
            self.report_work(worker, attempt, token);
            self.start_work(worker);
        }
    }
}
