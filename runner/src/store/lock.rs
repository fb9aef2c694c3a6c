//! A run is alive while its file is locked: the system unlocks it when its process ends, however it
//! ends.

use super::StoreError;
use crate::layout::Layout;
use model::ids::RunId;
use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;

/// Held by the process that executes a run, for as long as it does.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    file: Option<File>,
}

impl RunLock {
    /// Takes the lock of a new run.
    pub(super) fn take(layout: &Layout, run: RunId) -> Result<Self, StoreError> {
        let path = path(layout, run);
        let open = || -> io::Result<File> {
            let file = File::create(&path)?;
            // Waits only for somebody who looks whether the run is alive, which takes microseconds.
            file.lock()?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Self {
                file: Some(file),
                path,
            }),
            Err(error) => Err(StoreError::from_io(path, error)),
        }
    }

    /// Takes the lock of a run that another process began; `None` where that process is alive.
    pub(super) fn adopt(layout: &Layout, run: RunId) -> Result<Option<Self>, StoreError> {
        let path = path(layout, run);
        let file = match File::create(&path) {
            Ok(file) => file,
            Err(error) => return Err(StoreError::from_io(path, error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self {
                file: Some(file),
                path,
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::from_io(path, error)),
        }
    }

    /// Whether the run is executed by a living process, this one included.
    pub(super) fn is_held(layout: &Layout, run: RunId) -> Result<bool, StoreError> {
        let path = path(layout, run);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(StoreError::from_io(path, error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(StoreError::from_io(path, error)),
        }
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // Windows deletes no file that is open. A file that stays is harmless: it isn't locked.
        self.file = None;
        let _ = std::fs::remove_file(&self.path);
    }
}

fn path(layout: &Layout, run: RunId) -> PathBuf {
    layout.runs().join(format!("{run}.lock"))
}
