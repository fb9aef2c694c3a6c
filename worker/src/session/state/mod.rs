//! What a worker knows of its attempts, and what it does about each message. No clock, no channel, no
//! process: events in, orders out.

#[cfg(test)]
mod tests;

use super::{config::WorkerConfig, slots::SlotId};
use crate::slot::client::{SlotCommand, SlotError};
use model::{
    ids::{AttemptId, Token},
    outcome::{Failure, Outcome},
};
use protocol::{
    Lease,
    v1::{
        self, Acknowledge, Assign, Finished, Recall, Returned, Stop, ToRunner, ToWorker, to_runner,
        to_worker,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

/// How long a runner may take to acknowledge an end before it is sent again.
const RESEND_AFTER: Duration = Duration::from_secs(5);

/// How many tokens are remembered of attempts that are over, so that an assignment that arrives twice
/// runs once. A runner that repeats one does so within the few messages that were on their way.
const MAX_PAST: usize = 4096;

/// How many jobs a worker holds beyond its slots and what it asked for: a runner may be a few
/// messages ahead of what it has been told.
const QUEUE_SLACK: usize = 64;

/// What happens.
#[derive(Debug)]
pub(super) enum Event {
    /// The runner says something.
    Runner(ToWorker),
    /// A slot reports something.
    News(SlotId, ToRunner),
    /// A slot is gone, or could not be started.
    Gone {
        slot: SlotId,
        error: SlotError,
        /// How long the log of its attempt is.
        log_length: u64,
    },
    /// Some time has passed.
    Resend,
    /// The runner has closed its end.
    RunnerGone,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Order {
    /// Tell the runner.
    Tell(ToRunner),
    /// Start the process of a slot.
    Start(SlotId),
    /// Send a command to a slot.
    Command(SlotId, SlotCommand),
}

/// The state of a session.
#[derive(Debug)]
pub(super) struct State {
    slots: Vec<Slot>,
    max_queue: usize,
    stop_grace: Duration,
    /// Assigned and not started, in the order of their coming.
    queue: VecDeque<(Lease, Box<Assign>)>,
    running: BTreeMap<AttemptId, Running>,
    /// Ended, and not acknowledged.
    ended: BTreeMap<AttemptId, Ended>,
    past: Past,
    is_draining: bool,
}

#[derive(Debug, Default)]
struct Slot {
    is_started: bool,
    attempt: Option<AttemptId>,
    /// Not sent yet: each of them would wake the slot, and none is urgent.
    acknowledged: Vec<Acknowledge>,
}

#[derive(Debug)]
struct Running {
    token: Token,
    slot: SlotId,
    since: Instant,
    is_stopping: bool,
}

#[derive(Debug)]
struct Ended {
    token: Token,
    slot: SlotId,
    finished: Finished,
    sent_at: Instant,
}

impl State {
    pub(super) fn new(config: &WorkerConfig) -> Self {
        let n_slots = config.n_slots.max(1);
        let mut slots: Vec<_> = (0..n_slots).map(|_| Slot::default()).collect();
        if let Some(first) = slots.first_mut() {
            // The session starts it before anything is assigned.
            first.is_started = true;
        }
        Self {
            max_queue: n_slots as usize + config.n_prefetch as usize + QUEUE_SLACK,
            slots,
            stop_grace: config.stop_grace,
            queue: VecDeque::new(),
            running: BTreeMap::new(),
            ended: BTreeMap::new(),
            past: Past::default(),
            is_draining: false,
        }
    }

    /// The leases that are held here, for a runner that has to know.
    pub(super) fn held(&self) -> Vec<v1::Lease> {
        let queued = self.queue.iter().map(|(lease, _)| *lease);
        let running = self.running.iter().map(|(attempt, running)| Lease {
            attempt: *attempt,
            token: running.token,
        });
        let ended = self.ended.iter().map(|(attempt, ended)| Lease {
            attempt: *attempt,
            token: ended.token,
        });
        queued.chain(running).chain(ended).map(Into::into).collect()
    }

    /// Whether a job runs.
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// What runs in a slot.
    pub(super) fn attempt_on(&self, slot: SlotId) -> Option<AttemptId> {
        self.slots.get(slot.0 as usize)?.attempt
    }

    /// Decides.
    pub(super) fn handle(&mut self, now: Instant, event: Event, orders: &mut Vec<Order>) {
        match event {
            Event::Runner(message) => self.runner(now, message, orders),
            Event::News(slot, news) => self.news(now, slot, news, orders),
            Event::Gone {
                slot,
                error,
                log_length,
            } => self.gone(now, slot, &error, log_length, orders),
            Event::Resend => self.resend(now, orders),
            Event::RunnerGone => self.runner_gone(orders),
        }
        self.start_next(now, orders);
    }

    fn runner(&mut self, now: Instant, message: ToWorker, orders: &mut Vec<Order>) {
        use to_worker::Body;
        match message.body {
            Some(Body::Assign(assign)) => self.assign(now, assign, orders),
            Some(Body::Recall(Recall { lease })) => {
                if let Some(lease) = lease_of(lease, "recall") {
                    self.recall(lease, orders);
                }
            }
            Some(Body::Stop(stop)) => {
                if let Some(lease) = lease_of(stop.lease, "stop") {
                    self.stop(now, lease, stop, orders);
                }
            }
            Some(Body::Acknowledge(Acknowledge { lease })) => {
                if let Some(lease) = lease_of(lease, "acknowledge") {
                    self.acknowledge(lease);
                }
            }
            Some(Body::Drain(drain)) => self.drain(drain.drain, orders),
            Some(Body::Welcome(_)) => tracing::warn!("the runner welcomes a second time"),
            // Of a newer version; what must not be passed over raises the version itself.
            None => {}
        }
    }

    fn assign(&mut self, now: Instant, assign: Box<Assign>, orders: &mut Vec<Order>) {
        let Some(lease) = lease_of(assign.lease, "assign") else {
            return;
        };
        let attempt = lease.attempt;
        if let Some(ended) = self.ended.get_mut(&attempt)
            && ended.token == lease.token
        {
            // It has not heard the end yet.
            ended.sent_at = now;
            orders.push(Order::Tell(ended.finished.clone().into()));
            return;
        }
        let known = self.token_of(attempt);
        if known == Some(lease.token) || self.past.has(lease.token) {
            tracing::debug!(%attempt, "assigned twice");
            return;
        }
        let refusal = if known.is_some_and(|known| lease.token < known) {
            // The newer one counts; whoever sent this knows by now.
            tracing::debug!(%attempt, token = %lease.token, "assigned under an old token");
            return;
        } else if known.is_some() {
            Some("an earlier lease of the attempt is still held here")
        } else if self.is_draining {
            Some("the worker takes no more jobs")
        } else if self.queue.len() >= self.max_queue {
            Some("more jobs are assigned than the worker has asked for")
        } else {
            None
        };
        match refusal {
            Some(reason) => {
                self.past.add(lease.token);
                orders.push(returned(lease, reason));
            }
            None => self.queue.push_back((lease, assign)),
        }
    }

    fn recall(&mut self, lease: Lease, orders: &mut Vec<Order>) {
        // What has started is not given back; its messages are on their way.
        if self.take_queued(lease).is_some() {
            self.past.add(lease.token);
            orders.push(returned(lease, "recalled"));
        }
    }

    fn stop(&mut self, now: Instant, lease: Lease, stop: Stop, orders: &mut Vec<Order>) {
        if let Some(running) = self.running.get_mut(&lease.attempt) {
            if running.token == lease.token {
                running.is_stopping = true;
                orders.push(Order::Command(running.slot, SlotCommand::Stop(stop)));
            }
        } else if self.take_queued(lease).is_some() {
            let outcome = Outcome::Canceled { by: stop.reason };
            let finished = Finished {
                outcome: Some((&outcome).into()),
                ..Finished::default()
            };
            // No slot had it; any will do for the acknowledgment, which it doesn't know.
            self.end(now, lease, SlotId(0), finished, orders);
        }
    }

    fn acknowledge(&mut self, lease: Lease) {
        let is_this = |ended: &Ended| ended.token == lease.token;
        if !self.ended.get(&lease.attempt).is_some_and(is_this) {
            return;
        }
        if let Some(ended) = self.ended.remove(&lease.attempt) {
            self.past.add(lease.token);
            if let Some(slot) = self.slots.get_mut(ended.slot.0 as usize)
                && slot.is_started
            {
                slot.acknowledged.push(Acknowledge {
                    lease: Some(lease.into()),
                });
            }
        }
    }

    fn drain(&mut self, drain: bool, orders: &mut Vec<Order>) {
        self.is_draining = drain;
        if drain {
            for (lease, _) in std::mem::take(&mut self.queue) {
                self.past.add(lease.token);
                orders.push(returned(lease, "the worker takes no more jobs"));
            }
        }
    }

    fn news(&mut self, now: Instant, slot: SlotId, news: ToRunner, orders: &mut Vec<Order>) {
        let finished = match news.body {
            Some(to_runner::Body::Finished(finished)) => finished,
            _ => {
                orders.push(Order::Tell(news));
                return;
            }
        };
        let Some(lease) = lease_of(finished.lease, "finished") else {
            return;
        };
        if self.attempt_on(slot) != Some(lease.attempt) {
            tracing::warn!(%slot, attempt = %lease.attempt, "a slot ends what it doesn't run");
            return;
        }
        self.end(now, lease, slot, finished, orders);
    }

    fn gone(
        &mut self,
        now: Instant,
        slot: SlotId,
        error: &SlotError,
        log_length: u64,
        orders: &mut Vec<Order>,
    ) {
        let Some(attempt) = self.attempt_on(slot) else {
            tracing::debug!(%slot, %error, "an idle slot is gone");
            self.free(slot);
            return;
        };
        let message = with_causes(error);
        tracing::warn!(%slot, %attempt, "{message}");
        let outcome = match (error, self.running.get(&attempt)) {
            // It never ran, and would not in another one.
            (SlotError::Start { .. } | SlotError::Version { .. } | SlotError::Path(_), _) => {
                Outcome::Failed {
                    failure: Failure::System { message },
                }
            }
            _ => Outcome::Lost { message },
        };
        let Some(running) = self.running.get(&attempt) else {
            self.free(slot);
            return;
        };
        let lease = Lease {
            attempt,
            token: running.token,
        };
        let took = now.saturating_duration_since(running.since);
        let finished = Finished {
            lease: Some(lease.into()),
            outcome: Some((&outcome).into()),
            log_length,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            ..Finished::default()
        };
        // Before anything else is handed out: not to this one.
        self.free(slot);
        self.end(now, lease, slot, finished, orders);
    }

    fn resend(&mut self, now: Instant, orders: &mut Vec<Order>) {
        for ended in self.ended.values_mut() {
            if now.saturating_duration_since(ended.sent_at) >= RESEND_AFTER {
                ended.sent_at = now;
                orders.push(Order::Tell(ended.finished.clone().into()));
            }
        }
        for (slot, id) in self.slots.iter_mut().zip(0..) {
            let acknowledged = slot.acknowledged.drain(..).map(SlotCommand::Acknowledge);
            orders.extend(acknowledged.map(|command| Order::Command(SlotId(id), command)));
        }
    }

    fn runner_gone(&mut self, orders: &mut Vec<Order>) {
        self.queue.clear();
        self.is_draining = true;
        let grace_ms = u64::try_from(self.stop_grace.as_millis()).unwrap_or(u64::MAX);
        for (attempt, running) in &mut self.running {
            // A second stop would end at once what has still time from the first.
            if std::mem::replace(&mut running.is_stopping, true) {
                continue;
            }
            let lease = Lease {
                attempt: *attempt,
                token: running.token,
            };
            let stop = Stop {
                lease: Some(lease.into()),
                reason: "the runner is gone".to_owned(),
                grace_ms,
            };
            orders.push(Order::Command(running.slot, SlotCommand::Stop(stop)));
        }
    }

    /// An attempt has ended: the runner is told, now and until it has acknowledged it.
    fn end(
        &mut self,
        now: Instant,
        lease: Lease,
        slot: SlotId,
        mut finished: Finished,
        orders: &mut Vec<Order>,
    ) {
        finished.lease = Some(lease.into());
        self.running.remove(&lease.attempt);
        if self.attempt_on(slot) == Some(lease.attempt)
            && let Some(slot) = self.slots.get_mut(slot.0 as usize)
        {
            slot.attempt = None;
        }
        // The slot first: it can work while the runner writes this down.
        self.start_next(now, orders);
        orders.push(Order::Tell(finished.clone().into()));
        self.ended.insert(
            lease.attempt,
            Ended {
                token: lease.token,
                slot,
                finished,
                sent_at: now,
            },
        );
    }

    /// Hands waiting jobs to slots. One that is there goes before one that must be started.
    fn start_next(&mut self, now: Instant, orders: &mut Vec<Order>) {
        while !self.queue.is_empty() {
            let idle = |slot: &Slot| slot.attempt.is_none();
            let Some(index) = self
                .slots
                .iter()
                .position(|slot| idle(slot) && slot.is_started)
                .or_else(|| self.slots.iter().position(idle))
            else {
                return;
            };
            let Some((lease, assign)) = self.queue.pop_front() else {
                return;
            };
            let id = SlotId(u32::try_from(index).unwrap_or(u32::MAX));
            let slot = &mut self.slots[index];
            if !slot.is_started {
                slot.is_started = true;
                orders.push(Order::Start(id));
            }
            slot.attempt = Some(lease.attempt);
            for acknowledge in slot.acknowledged.drain(..) {
                orders.push(Order::Command(id, SlotCommand::Acknowledge(acknowledge)));
            }
            orders.push(Order::Command(id, SlotCommand::Start(assign)));
            self.running.insert(
                lease.attempt,
                Running {
                    token: lease.token,
                    slot: id,
                    since: now,
                    is_stopping: false,
                },
            );
        }
    }

    /// The process of a slot is gone; a new one is started when there is work.
    fn free(&mut self, slot: SlotId) {
        if let Some(slot) = self.slots.get_mut(slot.0 as usize) {
            *slot = Slot::default();
        }
    }

    fn token_of(&self, attempt: AttemptId) -> Option<Token> {
        let queued = || {
            let lease = self
                .queue
                .iter()
                .find(|(lease, _)| lease.attempt == attempt);
            lease.map(|(lease, _)| lease.token)
        };
        let running = || self.running.get(&attempt).map(|running| running.token);
        let ended = || self.ended.get(&attempt).map(|ended| ended.token);
        running().or_else(ended).or_else(queued)
    }

    fn take_queued(&mut self, lease: Lease) -> Option<Box<Assign>> {
        let index = self.queue.iter().position(|(queued, _)| *queued == lease)?;
        self.queue.remove(index).map(|(_, assign)| assign)
    }
}

/// Tokens of attempts that are over, the last ones.
#[derive(Debug, Default)]
struct Past {
    tokens: BTreeSet<Token>,
    order: VecDeque<Token>,
}

impl Past {
    fn has(&self, token: Token) -> bool {
        self.tokens.contains(&token)
    }

    fn add(&mut self, token: Token) {
        if self.tokens.insert(token) {
            self.order.push_back(token);
        }
        if self.order.len() > MAX_PAST
            && let Some(oldest) = self.order.pop_front()
        {
            self.tokens.remove(&oldest);
        }
    }
}

fn lease_of(lease: Option<v1::Lease>, what: &str) -> Option<Lease> {
    match lease.map(Lease::try_from) {
        Some(Ok(lease)) => Some(lease),
        Some(Err(error)) => {
            tracing::warn!(%error, "refused `{what}`: its lease makes no sense");
            None
        }
        None => {
            tracing::warn!("refused `{what}`: it has no lease");
            None
        }
    }
}

fn returned(lease: Lease, reason: &str) -> Order {
    let returned = Returned {
        lease: Some(lease.into()),
        reason: reason.to_owned(),
    };
    Order::Tell(returned.into())
}

/// An error with all that caused it, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut whole = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        whole = format!("{whole}: {error}");
        cause = error.source();
    }
    whole
}
