//! Files and folders as this crate needs them: by open folder and name, never through a symbolic
//! link that a step may have laid, and with as few system calls as it takes.

mod cursor;
mod globs;
mod remove;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub(crate) use cursor::Cursor;
pub use globs::GlobError;
pub(crate) use globs::Globs;
pub(crate) use remove::Trash;
#[cfg(unix)]
pub(crate) use remove::remove;
#[cfg(unix)]
pub(crate) use unix::{Dir, PRIVATE_MODE, is_absent, path_from_wire, path_to_wire};
#[cfg(windows)]
pub(crate) use windows::{Dir, PRIVATE_MODE, is_absent, path_from_wire, path_to_wire};

use std::{
    ffi::OsStr,
    io,
    path::{Component, Path},
};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A pipe, a socket, a device: never copied.
    Other,
}

/// What the system knows of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its permission bits.
    pub(crate) mode: u32,
    /// What changes whenever the file does.
    pub(crate) stamp: Stamp,
}

/// What changes whenever a file's content, mode or identity does. The time of the last change of
/// the inode can't be set by a program, so a file with its old size and its old time of modification
/// is noticed too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    pub(crate) modified: Time,
    pub(crate) changed: Time,
    pub(crate) inode: u64,
}

impl Stamp {
    /// That of nothing.
    pub(crate) const ZERO: Self = Self {
        size: 0,
        modified: Time::ZERO,
        changed: Time::ZERO,
        inode: 0,
    };
}

/// A time of the system's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

impl Time {
    /// The start of the count.
    pub(crate) const ZERO: Self = Self {
        seconds: 0,
        nanos: 0,
    };

    /// That long before.
    pub(crate) fn minus_millis(self, millis: u32) -> Self {
        let nanos = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos)
            - i128::from(millis) * 1_000_000;
        Self {
            seconds: (nanos.div_euclid(1_000_000_000)) as i64,
            nanos: (nanos.rem_euclid(1_000_000_000)) as u32,
        }
    }

    /// Now.
    pub(crate) fn now() -> Self {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Self {
                seconds: since.as_secs() as i64,
                nanos: since.subsec_nanos(),
            },
            // A clock before 1970: everything counts as changed just now.
            Err(_) => Self::default(),
        }
    }
}

/// Whether a path stays below the folder that it is relative to, as far as its text says.
pub(crate) fn is_below(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_)))
        && !path.as_os_str().is_empty()
}

/// A path's folder and last name.
pub(crate) fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Ok((folder, name)),
        _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
}
