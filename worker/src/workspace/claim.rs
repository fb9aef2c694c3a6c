//! Who has which name in `work/`.

#[cfg(unix)]
pub(super) use unix::Claim;
#[cfg(windows)]
pub(super) use windows::Claim;

/// The folder itself is locked by the process that made it, from before it gets its name. So a name
/// needs no lock of its own.
#[cfg(unix)]
mod unix {
    use crate::files::{Dir, is_absent};
    use std::{ffi::OsStr, io};

    /// The right to a name.
    #[derive(Debug)]
    pub(in super::super) struct Claim;

    impl Claim {
        /// Asks for a name.
        pub(in super::super) fn new(_: &Dir, _: &OsStr) -> io::Result<Option<Self>> {
            Ok(Some(Self))
        }

        /// Whether what stands under the name was left by a process that is gone, or by a job that
        /// failed.
        pub(in super::super) fn is_left_over(&self, work: &Dir, name: &OsStr) -> io::Result<bool> {
            let there = match work.child(name) {
                Ok(there) => there,
                // No folder: nobody works in it.
                Err(error) if is_absent(&error) => return Ok(true),
                Err(error) => return Err(error),
            };
            // Between the two looks its owner may have moved it away, and another one come.
            Ok(there.try_hold()? && work.stat(name)?.stamp.inode == there.own_stat()?.stamp.inode)
        }
    }
}

/// A folder can't be locked and, with an open file in it, not be moved: a file beside it is locked.
#[cfg(windows)]
mod windows {
    use crate::files::Dir;
    use std::{
        ffi::OsStr,
        fs::{File, OpenOptions, TryLockError},
        io,
    };

    /// The right to a name.
    #[derive(Debug)]
    pub(in super::super) struct Claim {
        _lock: File,
    }

    impl Claim {
        /// Asks for a name.
        pub(in super::super) fn new(work: &Dir, name: &OsStr) -> io::Result<Option<Self>> {
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
        pub(in super::super) fn is_left_over(&self, _: &Dir, _: &OsStr) -> io::Result<bool> {
            Ok(true)
        }
    }
}
