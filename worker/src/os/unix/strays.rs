//! What a slot that died leaves behind: its worker is the subreaper above it, and inherits them.
//!
//! This is the second line. While a slot lives it ends its own trees; only when it is killed itself do
//! its processes come here, those included that have changed their group and session.

use super::cgroup;
use super::processes::{Process, descendants, pid};
use rustix::process::{Signal, getsid, set_child_subreaper};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How long to go on killing. A killed process is gone within microseconds unless the kernel itself
/// hangs on it (a dead network disk), and then no time is enough.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// The slots of this process that live. Whoever starts or buries one holds the lock, so that a child
/// that is in nobody's list is a stray for certain.
static SLOTS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn slots() -> MutexGuard<'static, BTreeSet<u32>> {
    // The set is whole after each of its operations.
    SLOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a slot, so that what it may leave behind comes to this process.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut slots = slots();
    if slots.is_empty() {
        set_child_subreaper(pid(std::process::id()))?;
    }
    let child = command.spawn()?;
    slots.extend(child.id());
    Ok(child)
}

/// Ends all processes that a slot which is gone has left to us. Blocks for as long as that takes.
pub(crate) fn end(slot: u32) {
    let mut slots = slots();
    slots.remove(&slot);
    let deadline = Instant::now() + KILL_LIMIT;
    while Instant::now() < deadline {
        let strays = strays(&slots);
        if strays.is_empty() {
            cgroup::remove_of(slot);
            return;
        }
        for stray in &strays {
            for process in descendants(stray.pid) {
                process.signal(Signal::KILL);
            }
            stray.signal(Signal::KILL);
            stray.reap(deadline);
        }
    }
    tracing::warn!("processes of a slot that has died could not be ended");
}

/// Children of this process that it did not start: not slots, and not in its own session, which what
/// comes from a slot has left for good.
fn strays(slots: &BTreeSet<u32>) -> Vec<Process> {
    let own = std::process::id();
    let session = getsid(None).map_or(0, |session| session.as_raw_nonzero().get().unsigned_abs());
    descendants(own)
        .into_iter()
        .filter(|process| process.parent == own)
        .filter(|process| process.session != session && !slots.contains(&process.pid))
        .collect()
}
