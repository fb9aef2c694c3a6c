//! Why a store can't be used, and what to do about it.

use super::schema::SCHEMA_VERSION;
use rusqlite::ErrorCode;
use rusqlite::ffi;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A store that can't be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is none, where one was to be read.
    #[error("there is no store at {}", path.display())]
    Missing {
        /// The database.
        path: PathBuf,
    },
    /// Written by a newer Gantry.
    #[error(
        "the store {} has version {found}; this gantry knows versions up to {SCHEMA_VERSION}",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i32,
    },
    /// A database, but not one of Gantry.
    #[error("{} is a database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Its contents make no sense.
    #[error("the store {} is damaged: {detail}", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// No space is left.
    #[error("no space is left for the store {}", path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// It may not be written to: a read-only disk or missing permissions.
    #[error("the store {} can't be written to", path.display())]
    ReadOnly {
        /// The database, or a folder of the store.
        path: PathBuf,
        /// What the system said, where it said something.
        #[source]
        source: Option<io::Error>,
    },
    /// Another process kept it locked for longer than [`super::sqlite::BUSY_TIMEOUT`].
    #[error("the store {} is in use by another process that doesn't let go", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// A file or folder of it can't be used for another reason.
    #[error("can't use {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database refused something for another reason.
    #[error("the store {} failed", path.display())]
    Sql {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// What to do about it, as a sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => "`gantry run` makes one".to_owned(),
            Self::Newer { .. } => {
                "update gantry, or name another folder with `--store`; the store was not changed"
                    .to_owned()
            }
            Self::Foreign { .. } => "name another folder with `--store`".to_owned(),
            Self::Damaged { path, .. } => format!(
                "move {} away (its logs stay readable as files), and the next run makes a new one",
                path.parent().unwrap_or(path).display()
            ),
            Self::Full { path } => format!(
                "free some space, delete what is old in {}, or name a folder on another disk with \
                 `--store`",
                path.parent().unwrap_or(path).display()
            ),
            Self::ReadOnly { .. } => {
                "change its permissions, or name a folder that can be written to with `--store`"
                    .to_owned()
            }
            Self::Busy { .. } => {
                "look for a gantry process that is stopped or hangs, and end it".to_owned()
            }
            Self::Io { .. } | Self::Sql { .. } => return None,
        };
        Some(hint)
    }

    /// From what the system said about a file or folder.
    pub(super) fn from_io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly {
                path,
                source: Some(source),
            },
            _ => Self::Io { path, source },
        }
    }

    /// From what SQLite said.
    pub(super) fn from_sql(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let Some(error) = source.sqlite_error() else {
            return Self::Damaged {
                path,
                detail: source.to_string(),
            };
        };
        match error.code {
            // In the folder of the store no name is missing but by permission: it was just made.
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
                Self::ReadOnly { path, source: None }
            }
            ErrorCode::DiskFull => Self::Full { path },
            // The shared memory beside the database couldn't grow; SQLite's own documentation names
            // a full disk as the reason.
            _ if error.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Self::Full { path },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy { path },
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged {
                path,
                detail: source.to_string(),
            },
            _ => Self::Sql { path, source },
        }
    }
}
