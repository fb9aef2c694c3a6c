//! All processes that descend from one, and signals that can't reach a wrong one.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid,
};
use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

/// A process, as `/proc` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    /// The id of the session that it belongs to.
    pub(crate) session: u32,
    /// When it was started, in ticks since the system was: with the pid, its identity.
    started: u64,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Of `PID (NAME) STATE PARENT GROUP SESSION …`; a name may hold blanks and parentheses.
    fn parse(pid: u32, stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1);
        Some(Self {
            pid,
            parent: fields.next()?.parse().ok()?,
            session: fields.nth(1)?.parse().ok()?,
            started: fields.nth(15)?.parse().ok()?,
        })
    }

    /// Sends it a signal, unless it has ended. That fails where it is another user's by now; its end
    /// is waited for all the same, and a bound says when to give up.
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(pid) = pid(self.pid) else { return };
        // The descriptor holds on to whatever has the pid now; if that is still the process we saw,
        // the signal can't go astray.
        let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        if Self::read(self.pid).is_some_and(|now| now.started == self.started) {
            let _ = pidfd_send_signal(&descriptor, signal);
        }
    }

    /// Waits for the end of a child of ours, and buries it.
    pub(crate) fn reap(&self, deadline: Instant) {
        let Some(pid) = pid(self.pid) else { return };
        let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
        let ended = poll(
            &mut [PollFd::new(&descriptor, PollFlags::IN)],
            left.as_ref(),
        );
        if ended.is_ok_and(|n| n > 0) {
            // Nobody else waits for it; if somebody did, it is buried too.
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

/// All processes below `root`, parents before their children. Reads the whole of `/proc`, some
/// milliseconds: for the case that something was left behind, not for every step.
pub(crate) fn descendants(root: u32) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for process in all() {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        found.extend(children.remove(&process.pid).unwrap_or_default());
        next += 1;
    }
    found
}

fn all() -> impl Iterator<Item = Process> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Process::read)
}

/// The system's form of a process id.
pub(crate) fn pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::{Process, descendants};

    #[test]
    fn names_may_hold_anything() {
        let rest = "S 2 3 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 1234 99";
        for name in ["sh", "a b", "x) S 9 9 9", "(()"] {
            let process = Process::parse(7, &format!("7 ({name}) {rest}"));
            let expected = Process {
                pid: 7,
                parent: 2,
                session: 4,
                started: 1234,
            };
            assert_eq!(process, Some(expected), "{name}");
        }
        assert_eq!(Process::parse(7, ""), None);
    }

    #[test]
    fn a_child_is_a_descendant_until_it_has_ended() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let below = || descendants(std::process::id());
        let process = *below().iter().find(|p| p.pid == child.id()).unwrap();
        process.signal(rustix::process::Signal::KILL);
        child.wait().unwrap();
        assert!(!below().contains(&process));
        // To nobody, and without harm.
        process.signal(rustix::process::Signal::KILL);
    }
}
