//! The events of a run on their way to whoever watches it. A watcher that is slow holds nobody: its
//! queue grows by at most the events that a run's jobs and steps have, since lengths of a log that
//! nobody has read yet replace each other.

use model::event::{EVENT_VERSION, Event, EventKind};
use model::ids::{JobId, RunId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The events of one run, from the moment of the subscription until it has ended.
#[derive(Debug)]
pub struct Subscription {
    run: RunId,
    /// The number of the last event that was taken.
    seq: u64,
    shared: Arc<Shared>,
}

/// The engine's end of a [`Subscription`].
#[derive(Debug)]
pub(super) struct Publisher {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<(i64, EventKind)>,
    /// How many were taken from `events`, so that places stay the same.
    n_taken: usize,
    /// Where the newest waiting event of a job is, if it is a length of its log.
    log_grew: BTreeMap<JobId, usize>,
    is_closed: bool,
}

/// Makes both ends.
pub(super) fn channel(run: RunId) -> (Publisher, Subscription) {
    let shared = Arc::new(Shared::default());
    let publisher = Publisher {
        shared: Arc::clone(&shared),
    };
    let subscription = Subscription {
        run,
        seq: 0,
        shared,
    };
    (publisher, subscription)
}

impl Subscription {
    /// The run.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The next event; `None` when the run, or the engine, has ended.
    pub async fn recv(&mut self) -> Option<Event> {
        loop {
            {
                let mut queue = self.shared.lock();
                if let Some((at_ms, kind)) = queue.pop() {
                    drop(queue);
                    return Some(self.number(at_ms, kind));
                }
                if queue.is_closed {
                    return None;
                }
            }
            // What comes in between leaves its permit, so nothing is missed.
            self.shared.changed.notified().await;
        }
    }

    /// The next event, if one waits.
    pub fn try_recv(&mut self) -> Option<Event> {
        let next = self.shared.lock().pop();
        next.map(|(at_ms, kind)| self.number(at_ms, kind))
    }

    /// Numbers are given here, so that they have no gaps where lengths replaced each other.
    fn number(&mut self, at_ms: i64, kind: EventKind) -> Event {
        self.seq += 1;
        Event {
            v: EVENT_VERSION,
            seq: self.seq,
            at_ms,
            run: self.run,
            kind,
        }
    }
}

impl Publisher {
    /// Whether nobody takes the events any more.
    pub(super) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }

    pub(super) fn publish(&self, at_ms: i64, kind: EventKind) {
        self.shared.lock().push(at_ms, kind);
        self.shared.changed.notify_one();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    /// A panic while it was locked can't have left half a change: each is one push or pop.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, at_ms: i64, kind: EventKind) {
        let place = self.n_taken + self.events.len();
        match &kind {
            EventKind::LogGrew { job, .. } => match self.log_grew.get(job) {
                Some(waiting) if *waiting >= self.n_taken => {
                    self.events[waiting - self.n_taken] = (at_ms, kind);
                    return;
                }
                _ => drop(self.log_grew.insert(*job, place)),
            },
            // A later length must not overtake what happened to the job in between.
            EventKind::JobReady { job }
            | EventKind::JobStarted { job, .. }
            | EventKind::StepStarted { job, .. }
            | EventKind::StepFinished { job, .. }
            | EventKind::JobRetried { job, .. }
            | EventKind::JobFinished { job, .. } => drop(self.log_grew.remove(job)),
            EventKind::RunStarted { .. }
            | EventKind::JobCreated { .. }
            | EventKind::FannedOut { .. }
            | EventKind::Warning { .. }
            | EventKind::RunFinished { .. } => {}
        }
        self.events.push_back((at_ms, kind));
    }

    fn pop(&mut self) -> Option<(i64, EventKind)> {
        let next = self.events.pop_front()?;
        self.n_taken += 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grew(job: u32, length: u64) -> EventKind {
        EventKind::LogGrew {
            job: JobId(job),
            attempt: 1,
            length,
        }
    }

    fn ready(job: u32) -> EventKind {
        EventKind::JobReady { job: JobId(job) }
    }

    fn take_all(events: &mut Subscription) -> Vec<(u64, EventKind)> {
        std::iter::from_fn(|| events.try_recv())
            .map(|event| (event.seq, event.kind))
            .collect()
    }

    #[test]
    fn lengths_replace_each_other_and_overtake_nothing() {
        let (publisher, mut events) = channel(RunId(1));
        let sent = [
            grew(1, 10),
            grew(2, 5),
            grew(1, 20),
            ready(1),
            grew(1, 30),
            grew(1, 40),
        ];
        for kind in sent {
            publisher.publish(0, kind);
        }
        let first = [grew(1, 20), grew(2, 5), ready(1), grew(1, 40)];
        let numbered: Vec<_> = (1..).zip(first).collect();
        assert_eq!(take_all(&mut events), numbered);
        publisher.publish(0, grew(1, 50));
        publisher.publish(0, grew(1, 60));
        assert_eq!(take_all(&mut events), [(5, grew(1, 60))]);
    }

    #[tokio::test]
    async fn it_ends_when_nothing_more_can_come() {
        let (publisher, mut events) = channel(RunId(1));
        publisher.publish(7, ready(1));
        drop(publisher);
        assert_eq!(events.recv().await.map(|event| event.at_ms), Some(7));
        assert_eq!(events.recv().await, None);
        assert_eq!(events.recv().await, None);
    }

    #[test]
    fn nobody_listening_is_noticed() {
        let (publisher, events) = channel(RunId(1));
        assert!(!publisher.is_abandoned());
        drop(events);
        assert!(publisher.is_abandoned());
    }
}
