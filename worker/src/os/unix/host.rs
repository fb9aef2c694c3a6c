//! What a slot is connected to: its worker by two pipes, and the output of the running step by one.
//! One thread and one `poll` wait for all of them.

use super::cgroup::Cgroup;
use super::tree::{self, Tree};
use crate::os::{Event, Launch};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec, read, retry_on_intr};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::process::{set_child_subreaper, setsid};
use rustix::stdio::{dup2_stdin, dup2_stdout};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Instant;

/// How much a step can write before it has to wait for us: the most that Linux grants everybody.
const PIPE_SIZE: usize = 1 << 20;

/// How much output is taken at once. Larger pieces are not faster, and fall out of the CPU's cache.
const OUTPUT_PIECE: usize = 256 << 10;

/// How much of the commands is read at once.
const COMMAND_PIECE: usize = 16 << 10;

/// The first descriptor after the standard ones.
const FIRST_FREE: i32 = 3;

/// The connections of a slot.
#[derive(Debug)]
pub(crate) struct Host {
    commands: OwnedFd,
    reports: File,
    /// One pipe for all steps, as long as every process that had it has ended. Its writing end stays
    /// open here, so it never ends by itself; who has read all of it knows that from the step's end.
    output: Pipe,
    buffer: Vec<u8>,
    /// How much of the buffer was filled last.
    filled: usize,
    /// Tried when something has to be killed for the first time.
    cgroup: Option<Option<Cgroup>>,
}

#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Host {
    /// Turns this process into a slot: it takes its standard input and output for itself, leaves the
    /// session of the terminal (so that Ctrl-C reaches the worker only, which then stops the steps
    /// in order), and inherits the orphans of its steps.
    pub(crate) fn enter() -> io::Result<Self> {
        let commands = fcntl_dupfd_cloexec(rustix::stdio::stdin(), FIRST_FREE)?;
        let reports = fcntl_dupfd_cloexec(rustix::stdio::stdout(), FIRST_FREE)?;
        // What prints by mistake, here or in a program that is called, must not become a report.
        dup2_stdin(open(
            "/dev/null",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?)?;
        dup2_stdout(rustix::stdio::stderr())?;
        // It fails where it is the leader of its group already, as when it is started by hand.
        let _ = setsid();
        set_child_subreaper(Some(rustix::process::getpid()))?;
        outlive_polite_signals();
        Ok(Self {
            commands,
            reports: reports.into(),
            output: Pipe::new()?,
            buffer: vec![0; OUTPUT_PIECE],
            filled: 0,
            cgroup: None,
        })
    }

    /// Sends frames to the worker.
    pub(crate) fn report(&mut self, frames: &[u8]) -> io::Result<()> {
        self.reports.write_all(frames)
    }

    /// Starts a step.
    pub(crate) fn spawn(&mut self, launch: &Launch<'_>) -> io::Result<Tree> {
        Tree::spawn(launch, self.output.write.as_fd())
    }

    /// Waits for the next event: of the worker, of this step, or the deadline.
    pub(crate) fn wait(
        &mut self,
        tree: Option<&Tree>,
        deadline: Option<Instant>,
    ) -> io::Result<Event> {
        loop {
            let left = deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now()))
                // A wait that doesn't fit is as good as none.
                .and_then(|left| Timespec::try_from(left).ok());
            let output = self.output.read.as_fd();
            let mut sources = [
                PollFd::new(&self.commands, PollFlags::IN),
                PollFd::from_borrowed_fd(output, PollFlags::IN),
                PollFd::from_borrowed_fd(tree.map_or(output, Tree::end), PollFlags::IN),
            ];
            match poll(&mut sources, left.as_ref()) {
                Ok(0) => return Ok(Event::Deadline),
                Err(Errno::INTR) => continue,
                other => other?,
            };
            let [commands, output, ended] = sources.map(|source| !source.revents().is_empty());
            if commands {
                let piece = &mut self.buffer[..COMMAND_PIECE];
                self.filled = retry_on_intr(|| read(&self.commands, &mut *piece)).unwrap_or(0);
                return Ok(match self.filled {
                    0 => Event::WorkerGone,
                    _ => Event::Commands,
                });
            }
            // Before its output, which may go on for ever when a descendant writes it.
            if ended && tree.is_some() {
                return Ok(Event::Ended);
            }
            if output && self.take_output()? {
                return Ok(Event::Output);
            }
        }
    }

    /// What the last event brought.
    pub(crate) fn piece(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Takes what is left of the output when all processes of the step have ended; whether there was
    /// some: [`Host::piece`].
    pub(crate) fn take_output(&mut self) -> io::Result<bool> {
        self.filled = match retry_on_intr(|| read(&self.output.read, &mut self.buffer[..])) {
            Err(Errno::AGAIN) => 0,
            other => other?,
        };
        Ok(self.filled > 0)
    }

    /// Takes a new pipe for the output: a process that has the old one could not be ended.
    pub(crate) fn renew_output(&mut self) -> io::Result<()> {
        self.output = Pipe::new()?;
        Ok(())
    }

    /// Whether processes of a step are left after its main one was buried.
    pub(crate) fn has_rest(&mut self) -> bool {
        tree::has_children()
    }

    /// Asks all that is left to end, wherever it went; how many there are.
    pub(crate) fn ask_rest(&mut self) -> usize {
        tree::ask_descendants()
    }

    /// Kills all there is of a step. What a killed process leaves is handed to us, so this is repeated
    /// until nothing is left.
    pub(crate) fn kill(&mut self) {
        let cgroup = self.cgroup.get_or_insert_with(Cgroup::make);
        tree::kill_descendants(cgroup.as_ref());
    }
}

impl Pipe {
    fn new() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        // Only our end must not block: a step's end has to, as programs expect.
        rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK)?;
        // Where a user has too many large pipes already, the usual size has to do.
        let _ = fcntl_setpipe_size(&write, PIPE_SIZE);
        Ok(Self { read, write })
    }
}

/// A slot ends when its worker does, and not before: when a service or a machine is shut down, all
/// processes are asked to end at once, and somebody must be left to end the steps in order.
fn outlive_polite_signals() {
    extern "C" fn nothing(_signal: libc::c_int) {}
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        // A handler and not `SIG_IGN`, which every program that a step runs would inherit.
        // SAFETY: the handler does nothing at all, so it is safe at any point of the program; the
        // structure is plain data for which zeros are valid.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}
