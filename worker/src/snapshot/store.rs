//! The snapshots on the disk: which is the newest, who uses them, and which may go.

use super::{MAX_TRIES, SnapshotError, index::Index};
use crate::files::{Dir, Trash};
use std::{
    ffi::{OsStr, OsString},
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// How many snapshots stay that no run uses: the newest, from which the next one is made.
const N_KEPT: usize = 1;

/// How old the folder of a snapshot must be that was never completed, before it counts as left by a
/// process that is gone: far longer than any copy takes.
const MAX_BUILD_TIME: Duration = Duration::from_hours(6);

/// The file in a snapshot that is locked by whoever uses it.
pub(super) const LOCK: &str = "lock";

/// The folder in a snapshot that has the files.
pub(crate) const TREE: &str = "tree";

/// The newest snapshot, as a place to start from.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) name: OsString,
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) lock: File,
    /// Whether no other process uses it.
    pub(super) is_alone: bool,
    pub(super) index: Index,
}

impl Last {
    /// Keeps it from being taken over or deleted, but lets others use it. Answers whether that came
    /// in time.
    pub(super) fn share(&self) -> io::Result<bool> {
        if self.is_alone {
            // Not one step: another process may come first between giving up and taking.
            self.lock.lock_shared()?;
        }
        is_still_at(&self.lock, &self.path)
    }
}

/// What a look for the newest snapshot found.
enum Look {
    Found(Last),
    Nothing,
    /// It was taken over or deleted at this moment.
    Moved,
}

/// The newest whole snapshot, held; `None` where there is none that can be used.
pub(super) fn newest(snapshots: &Path) -> Result<Option<Last>, SnapshotError> {
    for _ in 0..MAX_TRIES {
        match look(snapshots) {
            Ok(Look::Found(last)) => return Ok(Some(last)),
            Ok(Look::Nothing) => return Ok(None),
            Ok(Look::Moved) => {}
            Err(source) => {
                return Err(SnapshotError::Write {
                    path: snapshots.to_owned(),
                    source,
                });
            }
        }
    }
    Err(SnapshotError::Busy {
        path: snapshots.to_owned(),
    })
}

fn look(snapshots: &Path) -> io::Result<Look> {
    let Some(number) = numbers(snapshots)?.pop() else {
        return Ok(Look::Nothing);
    };
    let name = OsString::from(number.to_string());
    let path = snapshots.join(&name);
    let lock = match File::open(path.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(match path.exists() {
                // Not ours, or half deleted by somebody: as good as none.
                true => Look::Nothing,
                false => Look::Moved,
            });
        }
        other => other?,
    };
    let is_alone = match lock.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => {
            // Waits while another process takes it over; it then stands at another path.
            lock.lock_shared()?;
            false
        }
        Err(TryLockError::Error(error)) => return Err(error),
    };
    if !is_still_at(&lock, &path)? {
        return Ok(Look::Moved);
    }
    Ok(match Index::read(&path) {
        Ok(index) if index.boot == super::index::boot() => Look::Found(Last {
            name,
            number,
            path,
            lock,
            is_alone,
            index,
        }),
        // Of an earlier start of the machine, damaged, or of another version.
        Ok(_) | Err(_) => Look::Nothing,
    })
}

/// Puts a finished snapshot in its place under the next number, and answers its path. A number is
/// never used twice: `after` is that of a snapshot that was taken over.
pub(super) fn publish(snapshots: &Path, from: &OsStr, after: u64) -> io::Result<PathBuf> {
    let dir = Dir::open(snapshots)?;
    loop {
        let newest = numbers(snapshots)?.pop().unwrap_or(0);
        let next = newest.max(after) + 1;
        let name = OsString::from(next.to_string());
        match dir.rename(from, &dir, &name) {
            Ok(()) => return Ok(snapshots.join(name)),
            // Another run was quicker: over a folder that has files nothing can be renamed.
            Err(error) if is_taken(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty)
}

/// Locks a snapshot's folder for reading, as every process does that reads it for longer.
pub(crate) fn hold(snapshot: &Path) -> io::Result<File> {
    let lock = File::open(snapshot.join(LOCK))?;
    lock.lock_shared()?;
    match is_still_at(&lock, snapshot)? {
        true => Ok(lock),
        false => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

/// Moves away what no run uses: old snapshots, and what processes left that ended while they made
/// one; then deletes all that was moved away, until `go_on` says no.
pub fn sweep(snapshots: &Path, go_on: impl FnMut() -> bool) -> io::Result<()> {
    let dir = match Dir::open(snapshots) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let trash = Trash::below(snapshots)?;
    let numbers = numbers(snapshots)?;
    let n_old = numbers.len().saturating_sub(N_KEPT);
    for number in &numbers[..n_old] {
        let name = OsString::from(number.to_string());
        let path = snapshots.join(&name);
        let Ok(lock) = File::open(path.join(LOCK)) else {
            // Without a lock it was never published by us; leave it to people.
            continue;
        };
        if lock.try_lock().is_ok() && is_still_at(&lock, &path)? {
            if cfg!(windows) {
                // A folder with an open file can't be moved there.
                drop(lock);
            }
            trash.take(&dir, &name)?;
        }
    }
    for (name, _) in dir.entries()? {
        if is_building(&name) && is_older(&snapshots.join(&name), MAX_BUILD_TIME) {
            trash.take(&dir, &name)?;
        }
    }
    trash.empty(go_on)
}

/// The name of a snapshot that is not finished.
pub(super) fn building_name() -> OsString {
    static N: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let n = N.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!(".new.{}.{n}", std::process::id()).into()
}

fn is_building(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(".new."))
}

fn is_older(path: &Path, than: Duration) -> bool {
    let changed = path.symlink_metadata().and_then(|data| data.modified());
    changed.is_ok_and(|time| {
        SystemTime::now()
            .duration_since(time)
            .is_ok_and(|age| age > than)
    })
}

/// The numbers of the published snapshots, in order.
fn numbers(snapshots: &Path) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = Dir::open(snapshots)?
        .entries()?
        .into_iter()
        .filter_map(|(name, _)| name.to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Whether the lock that is held is that of the snapshot at this path, and not of one that was
/// moved away.
#[cfg(unix)]
fn is_still_at(lock: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    match path.join(LOCK).symlink_metadata() {
        Ok(there) => Ok(there.ino() == lock.metadata()?.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A folder with an open file in it is never moved there.
#[cfg(windows)]
fn is_still_at(_: &File, path: &Path) -> io::Result<bool> {
    Ok(path.join(LOCK).exists())
}
