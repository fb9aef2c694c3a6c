//! What a slot is connected to: its worker by two pipes, and the output of the running step by one.
//! Pipes can't be waited for together here, so each has a thread that reads it.

use super::job::{Job, check};
use super::tree::{self, Tree};
use crate::os::{Event, Launch};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, PipeReader, Read, Write as _};
use std::os::windows::io::{AsHandle as _, AsRawHandle as _, OwnedHandle};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
use windows_sys::Win32::System::Console::{STD_OUTPUT_HANDLE, SetStdHandle};
use windows_sys::Win32::System::Threading::{INFINITE, WaitForSingleObject};

/// How much is read at once.
const PIECE: usize = 256 << 10;

/// How many pieces may wait for being written to the log: enough to keep both sides busy, few enough
/// to keep memory flat.
const PIECES: usize = 4;

/// How long to wait for the end of the output when all processes of the step have ended. Then nobody
/// has the pipe, unless its handle was given to a process outside.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// What the threads have to say; of a step, with its number.
#[derive(Debug)]
enum News {
    Commands(Vec<u8>),
    WorkerGone,
    Output(u64, Vec<u8>),
    OutputEnd(u64),
    Ended(u64),
}

/// The connections of a slot.
#[derive(Debug)]
pub(crate) struct Host {
    reports: File,
    job: Job,
    news: Receiver<News>,
    teller: SyncSender<News>,
    /// News that came while something else was waited for.
    kept: VecDeque<News>,
    piece: Vec<u8>,
    /// The number of the step that runs or ran last, and its process group.
    step: u64,
    group: u32,
    /// Whether its output may go on.
    is_open: bool,
}

impl Host {
    /// Turns this process into a slot: it takes its standard input and output for itself, and makes the
    /// Job Object of its steps.
    pub(crate) fn enter() -> io::Result<Self> {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        let commands = own(stdin.as_handle())?;
        let reports = own(stdout.as_handle())?;
        // What prints by mistake must not become a report.
        // SAFETY: the handle stays open as long as the process.
        check(unsafe { SetStdHandle(STD_OUTPUT_HANDLE, stderr.as_raw_handle()) })?;
        let (teller, news) = sync_channel(PIECES);
        let to_commands = teller.clone();
        thread::Builder::new()
            .name("commands".to_owned())
            .spawn(move || {
                read(File::from(commands), |piece| {
                    to_commands.send(News::Commands(piece)).is_ok()
                });
                // Nobody hears it only when the process ends.
                let _ = to_commands.send(News::WorkerGone);
            })?;
        Ok(Self {
            reports: reports.into(),
            job: Job::new()?,
            news,
            teller,
            kept: VecDeque::new(),
            piece: Vec::new(),
            step: 0,
            group: 0,
            is_open: false,
        })
    }

    /// Sends frames to the worker.
    pub(crate) fn report(&mut self, frames: &[u8]) -> io::Result<()> {
        self.reports.write_all(frames)
    }

    /// Starts a step.
    pub(crate) fn spawn(&mut self, launch: &Launch<'_>) -> io::Result<Tree> {
        let (read, write) = io::pipe()?;
        let tree = Tree::spawn(launch, write, &self.job)?;
        self.step += 1;
        self.group = tree.group();
        self.is_open = true;
        self.watch(&tree, read)?;
        Ok(tree)
    }

    /// Waits for the next event: of the worker, of this step, or the deadline.
    pub(crate) fn wait(
        &mut self,
        tree: Option<&Tree>,
        deadline: Option<Instant>,
    ) -> io::Result<Event> {
        loop {
            let Some(news) = self.next(deadline)? else {
                return Ok(Event::Deadline);
            };
            match news {
                News::Commands(piece) => {
                    self.piece = piece;
                    return Ok(Event::Commands);
                }
                News::WorkerGone => return Ok(Event::WorkerGone),
                News::Output(step, piece) if step == self.step => {
                    self.piece = piece;
                    return Ok(Event::Output);
                }
                News::OutputEnd(step) if step == self.step => self.is_open = false,
                News::Ended(step) if step == self.step && tree.is_some() => {
                    return Ok(Event::Ended);
                }
                // Of a step that could not be ended.
                News::Output(..) | News::OutputEnd(_) | News::Ended(_) => {}
            }
        }
    }

    /// What the last event brought.
    pub(crate) fn piece(&self) -> &[u8] {
        &self.piece
    }

    /// Takes what is left of the output when all processes of the step have ended; whether there was
    /// some: [`Host::piece`].
    pub(crate) fn take_output(&mut self) -> io::Result<bool> {
        let deadline = Instant::now() + DRAIN_LIMIT;
        let mut kept = VecDeque::new();
        let mut found = false;
        while self.is_open && !found {
            match self.next(Some(deadline))? {
                None => self.is_open = false,
                Some(News::Output(step, piece)) if step == self.step => {
                    self.piece = piece;
                    found = true;
                }
                Some(News::OutputEnd(step)) if step == self.step => self.is_open = false,
                Some(other) => kept.push_back(other),
            }
        }
        kept.append(&mut self.kept);
        self.kept = kept;
        Ok(found)
    }

    /// Every step has a pipe of its own here, and what comes late from another's is passed over.
    pub(crate) fn renew_output(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Whether processes of a step are left after its main one was buried.
    pub(crate) fn has_rest(&mut self) -> bool {
        self.job.n_running().is_ok_and(|n| n > 0)
    }

    /// Asks all that is left to end; how many there are.
    pub(crate) fn ask_rest(&mut self) -> usize {
        tree::ask(self.group);
        self.job.n_running().map_or(0, |n| n as usize)
    }

    /// Kills all there is of a step.
    pub(crate) fn kill(&mut self) {
        // If it fails, the wait for their end does, and says so.
        let _ = self.job.kill();
    }

    /// The next news; none when it is too late.
    fn next(&mut self, deadline: Option<Instant>) -> io::Result<Option<News>> {
        if let Some(news) = self.kept.pop_front() {
            return Ok(Some(news));
        }
        // Never: this end has a sender too.
        let gone = || io::Error::other("all threads of the slot have ended");
        match deadline {
            None => self.news.recv().map(Some).map_err(|_| gone()),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                match self.news.recv_timeout(left) {
                    Ok(news) => Ok(Some(news)),
                    Err(RecvTimeoutError::Timeout) => Ok(None),
                    Err(RecvTimeoutError::Disconnected) => Err(gone()),
                }
            }
        }
    }

    /// Starts the threads that tell of a step's output and end.
    fn watch(&self, tree: &Tree, output: PipeReader) -> io::Result<()> {
        let step = self.step;
        let teller = self.teller.clone();
        thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || {
                read(output, |piece| {
                    teller.send(News::Output(step, piece)).is_ok()
                });
                let _ = teller.send(News::OutputEnd(step));
            })?;
        let process = tree.process()?;
        let teller = self.teller.clone();
        thread::Builder::new()
            .name("end".to_owned())
            .spawn(move || {
                // SAFETY: the handle is open for as long as this thread has it.
                unsafe { WaitForSingleObject(process.as_raw_handle(), INFINITE) };
                let _ = teller.send(News::Ended(step));
            })?;
        Ok(())
    }
}

/// Reads to the end, or until nobody wants more.
fn read(mut from: impl Read, mut tell: impl FnMut(Vec<u8>) -> bool) {
    let mut buffer = vec![0; PIECE];
    loop {
        match from.read(&mut buffer) {
            Ok(n @ 1..) if tell(buffer[..n].to_vec()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// A standard handle for this process alone: steps must not inherit it.
fn own(handle: std::os::windows::io::BorrowedHandle<'_>) -> io::Result<OwnedHandle> {
    let copy = handle.try_clone_to_owned()?;
    // SAFETY: the handle is open.
    check(unsafe { SetHandleInformation(handle.as_raw_handle(), HANDLE_FLAG_INHERIT, 0) })?;
    Ok(copy)
}
