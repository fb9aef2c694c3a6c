//! The two clocks of a runner.

use scheduler::Now;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Tells the time. The engine asks once per batch, so that all inputs of a batch have the same.
pub trait Clock: Send + 'static {
    /// The time on both clocks.
    fn now(&self) -> Now;
}

/// The machine's clocks. The monotonic one is tokio's, on which a test can turn the time.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        // Both fit for hundreds of millions of years; a wall clock before 1970 shows as 1970.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        Now {
            mono_ms: self.start.elapsed().as_millis() as u64,
            wall_ms: wall.map_or(0, |since| since.as_millis() as i64),
        }
    }
}
