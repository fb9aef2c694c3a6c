//! A step's processes: the one that was started, and all that come of it.
//!
//! They can't get away: orphans are handed to the nearest subreaper above, which is the slot. So when
//! the slot has no child left, nothing of the step is left, and in the usual case a single system call
//! says so.

use super::cgroup::Cgroup;
use super::processes::{Process, descendants, pid};
use crate::os::{Exit, Launch};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process_group, pidfd_open, wait};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};

/// How often to look for processes that were born while their siblings were halted. Each pass halts
/// all that the last one missed, so it ends after a few, whatever they do.
const HALT_PASSES: usize = 32;

/// The processes of a running step.
#[derive(Debug)]
pub(crate) struct Tree {
    main: Child,
    group: Option<Pid>,
    /// Readable once the main process has ended.
    end: OwnedFd,
}

impl Tree {
    /// Starts a program that writes to `output`, in a process group of its own.
    pub(crate) fn spawn(launch: &Launch<'_>, output: BorrowedFd<'_>) -> io::Result<Self> {
        // Nothing here needs code between fork and exec, so that the standard library can take the
        // fast way (`posix_spawn`), for which the program has to be a path.
        let mut main = Command::new(launch.program)
            .arg0(launch.name)
            .args(launch.args)
            .env_clear()
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .current_dir(launch.dir)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone_to_owned()?)
            .stderr(output.try_clone_to_owned()?)
            .spawn()?;
        let group = pid(main.id());
        let end = match group
            .ok_or(Errno::SRCH)
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()))
        {
            Ok(end) => end,
            Err(error) => {
                // Nobody would hear of its end.
                main.kill()?;
                main.wait()?;
                return Err(error.into());
            }
        };
        Ok(Self { main, group, end })
    }

    /// Readable once the main process has ended.
    pub(crate) fn end(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }

    /// Asks the step to end: its process group, as Ctrl-C at a terminal would. Only while the main
    /// process has not been buried, since its number is taken until then.
    pub(crate) fn ask(&self) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::TERM);
            // Who was halted would not hear it.
            let _ = kill_process_group(group, Signal::CONT);
        }
    }

    /// Buries the main process, which has ended (or is about to).
    pub(crate) fn bury(&mut self) -> io::Result<Exit> {
        let status = self.main.wait()?;
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) => Exit::Signal(signal),
            // Neither can't be: it was waited for its end only.
            (None, None) => Exit::Code(status.into_raw()),
        })
    }
}

/// Whether this process has children, after burying those that have ended.
pub(super) fn has_children() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            // Buried an orphan.
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Asks all processes below this one to end; how many there are.
pub(super) fn ask_descendants() -> usize {
    let rest = descendants(std::process::id());
    for process in &rest {
        process.signal(Signal::TERM);
        // Who was halted would not hear it.
        process.signal(Signal::CONT);
    }
    rest.len()
}

/// Kills all processes below this one.
pub(super) fn kill_descendants(cgroup: Option<&Cgroup>) {
    let mut halted: Vec<Process> = Vec::new();
    for _ in 0..HALT_PASSES {
        // First they are halted: who forks faster than we read could go on for ever.
        let missed: Vec<Process> = descendants(std::process::id())
            .into_iter()
            .filter(|process| !halted.contains(process))
            .collect();
        if missed.is_empty() {
            break;
        }
        for process in &missed {
            process.signal(Signal::STOP);
        }
        halted.extend(missed);
    }
    for process in &halted {
        process.signal(Signal::KILL);
    }
    if let Some(cgroup) = cgroup {
        cgroup.kill(halted.iter().map(|process| process.pid));
    }
}
