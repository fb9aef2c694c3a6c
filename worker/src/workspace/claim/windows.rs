//! Windows: a folder can't be locked and, with an open file in it, not be moved, so that a file beside
//! it is locked.

use crate::files::Dir;
use std::{
    ffi::OsStr,
    fs::{File, OpenOptions, TryLockError},
    io,
};

/// The right to a name.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

impl Claim {
    /// Asks for a name.
    pub(crate) fn new(work: &Dir, name: &OsStr) -> io::Result<Option<Self>> {
        let mut lock_name = name.to_owned();
        lock_name.push(".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(work.path().join(lock_name))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whoever has the lock has the name.
    pub(crate) fn is_left_over(&self, _: &Dir, _: &OsStr) -> io::Result<bool> {
        Ok(true)
    }
}
