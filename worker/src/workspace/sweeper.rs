//! Deletes what jobs left, beside the jobs: a folder goes to the trash by a rename, and a thread
//! deletes what is there.

use super::place::{self, Place};
use crate::files::{Dir, Trash};
use std::{
    cell::RefCell,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel},
    thread,
    time::{Duration, Instant, SystemTime},
};

/// How many things may wait for being deleted. Past it the job that has just ended deletes its own:
/// whoever fills the disk faster than it is freed has to wait.
const MAX_WAITING: usize = 64;

/// How long an ending slot waits for what was left to be deleted. What remains is deleted by the next
/// one.
const MAX_END: Duration = Duration::from_millis(50);

/// How many folders of failed jobs stay for people to look into.
const MAX_KEPT: usize = 64;

/// How long they stay.
const MAX_KEPT_AGE: Duration = Duration::from_hours(14 * 24);

/// How old a folder must be that nobody holds, before it counts as left: a slot that has just made
/// one needs a moment to hold it.
const MIN_LEFT_AGE: Duration = Duration::from_mins(1);

/// The thread that deletes, started when there is something to delete.
#[derive(Debug)]
pub(super) struct Sweeper {
    work: PathBuf,
    running: RefCell<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    trash: Trash,
    tx: SyncSender<OsString>,
    /// Closed when the thread ends.
    ended: Receiver<()>,
}

impl Sweeper {
    pub(super) fn new(work: PathBuf) -> Self {
        Self {
            work,
            running: RefCell::new(None),
        }
    }

    /// Takes a job's folder that nobody uses any more.
    pub(super) fn take(&self, mut place: Place) {
        let done = place
            .give_up()
            .and_then(|(work, name)| self.take_entry(work, name));
        if let Err(error) = done {
            tracing::warn!(path = %place.path().display(), %error, "a workspace can't be taken away");
        }
    }

    /// Takes an entry of a folder of the store.
    pub(super) fn take_entry(&self, from: &Dir, name: &OsStr) -> io::Result<()> {
        let mut running = self.running.borrow_mut();
        let running = match &mut *running {
            Some(running) => running,
            none => none.insert(Running::start(&self.work)?),
        };
        let name = running.trash.take(from, name)?;
        match running.tx.try_send(name) {
            Ok(()) => {}
            Err(TrySendError::Full(name) | TrySendError::Disconnected(name)) => {
                report(running.trash.delete(&name, &mut || true));
            }
        }
        Ok(())
    }

    /// Deletes the last folder too, and waits for a moment until all is deleted.
    pub(super) fn end(&self, last: Option<Place>) {
        let deadline = Instant::now() + MAX_END;
        let is_running = self.running.borrow().is_some();
        if let Some(last) = last {
            match is_running {
                true => self.take(last),
                // Nearly always all there is, and little: not worth a thread.
                false => self.delete(last, deadline),
            }
        }
        if let Some(running) = self.running.borrow_mut().take() {
            drop(running.tx);
            let left = deadline.saturating_duration_since(Instant::now());
            // Ends with the thread, or with the time.
            let _ = running.ended.recv_timeout(left);
        }
    }

    fn delete(&self, mut place: Place, deadline: Instant) {
        let done = Trash::below(&self.work).and_then(|trash| {
            let (work, name) = place.give_up()?;
            let name = trash.take(work, name)?;
            trash.delete(&name, &mut || Instant::now() < deadline)
        });
        report(done);
    }
}

impl Running {
    fn start(work: &Path) -> io::Result<Self> {
        let (tx, rx) = sync_channel::<OsString>(MAX_WAITING);
        let (ending, ended) = channel();
        let trash = Trash::below(work)?;
        let trash_of_thread = Trash::below(work)?;
        thread::Builder::new()
            .name("sweeper".to_owned())
            .spawn(move || {
                for name in rx {
                    report(trash_of_thread.delete(&name, &mut || true));
                }
                drop::<std::sync::mpsc::Sender<()>>(ending);
            })?;
        Ok(Self { trash, tx, ended })
    }
}

fn report(done: io::Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%error, "what a job left can't be deleted");
    }
}

/// Deletes in `work` what ended processes left, and old folders of failed jobs, until `go_on` says no.
pub fn sweep(work: &Path, go_on: impl FnMut() -> bool) -> io::Result<()> {
    let dir = match Dir::open(work) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let trash = Trash::below(work)?;
    let mut kept = Vec::new();
    for (name, _) in dir.entries()? {
        if name == Trash::NAME {
            continue;
        }
        let changed = work.join(&name).symlink_metadata()?.modified()?;
        let age = SystemTime::now()
            .duration_since(changed)
            .unwrap_or_default();
        if age > MIN_LEFT_AGE && is_free(&dir, &name) {
            match place::is_private(&name) {
                true => drop(trash.take(&dir, &name)?),
                false => kept.push((age, name)),
            }
        }
    }
    kept.sort_unstable();
    for (n, (age, name)) in kept.into_iter().enumerate() {
        if (n >= MAX_KEPT || age > MAX_KEPT_AGE) && is_free(&dir, &name) {
            trash.take(&dir, &name)?;
        }
    }
    trash.empty(go_on)
}

/// Whether no process holds a folder.
#[cfg(unix)]
fn is_free(work: &Dir, name: &OsStr) -> bool {
    work.child(name)
        .and_then(|dir| dir.try_hold())
        .unwrap_or(false)
}

/// Not to be known here; what is old enough is free.
#[cfg(windows)]
fn is_free(_: &Dir, _: &OsStr) -> bool {
    true
}
