//! Linux: a job's folder is locked by the process that made it, from before it gets its name. So a
//! name needs no lock of its own.

use crate::files::{Dir, is_absent};
use std::{ffi::OsStr, io};

/// The right to a name.
#[derive(Debug)]
pub(crate) struct Claim;

impl Claim {
    /// Asks for a name.
    pub(crate) fn new(_: &Dir, _: &OsStr) -> io::Result<Option<Self>> {
        Ok(Some(Self))
    }

    /// Whether what stands under the name was left by a process that is gone, or by a job that
    /// failed.
    pub(crate) fn is_left_over(&self, work: &Dir, name: &OsStr) -> io::Result<bool> {
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
