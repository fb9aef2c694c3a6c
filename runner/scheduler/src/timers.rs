//! What is to happen at a certain time of the monotonic clock.

use model::ids::{JobId, RunId, WorkerId};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something that is due at a time. Whether it still applies is looked up when it rings, so nothing
/// is ever taken out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A worker may have become unreachable, or its leases may have ended.
    Worker(WorkerId),
    /// A job may be tried again.
    Retry(RunId, JobId),
    /// An approval may have expired.
    Approval(RunId, JobId),
    /// A run may have taken too long.
    Run(RunId),
}

/// The timers.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(u64, Timer)>>,
    announced: Option<u64>,
}

impl Timers {
    pub(crate) fn set(&mut self, at_ms: u64, timer: Timer) {
        self.heap.push(Reverse((at_ms, timer)));
    }

    /// The next one that has rung.
    pub(crate) fn pop(&mut self, now_ms: u64) -> Option<Timer> {
        let Reverse((at_ms, _)) = self.heap.peek()?;
        if *at_ms > now_ms {
            return None;
        }
        self.heap.pop().map(|Reverse((_, timer))| timer)
    }

    /// How much later it is than what was announced.
    pub(crate) fn delay_ms(&self, now_ms: u64) -> u64 {
        let announced = self.announced.unwrap_or(now_ms);
        now_ms.saturating_sub(announced)
    }

    /// When the next one rings, where that is something new.
    pub(crate) fn announce(&mut self) -> Option<Option<u64>> {
        let next = self.heap.peek().map(|Reverse((at_ms, _))| *at_ms);
        if next == self.announced {
            return None;
        }
        self.announced = next;
        Some(next)
    }
}
