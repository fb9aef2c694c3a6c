//! Waiting for a state, with a deadline. No test sleeps and hopes.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Between two looks: short against what a person notices, long against the look itself.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Waits until `look` finds something, and panics with `what` when `within` is over.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "after {within:?} still not: {what}"
        );
        pause();
    }
}

/// One pause between two looks.
pub fn pause() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one pause that every wait shares"
    )]
    thread::sleep(LOOK_EVERY);
}
