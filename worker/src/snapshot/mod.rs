//! A read-only copy of a source tree, taken once per run: every job of the run sees the same files,
//! whatever the author does meanwhile.
//!
//! A snapshot is a folder `N/` with the files in `tree/`, what was known of each in `index`, and
//! `lock`, which every process that reads the snapshot holds. The next snapshot costs one look at
//! each file when nothing has changed (the last one is used again), and the changed files otherwise
//! (the last one is taken over, or, while a run uses it, its files get a second name).

mod build;
mod index;
mod list;
mod store;

pub(crate) use index::{Entry, Index, Size};
pub use list::ListError;
pub use store::sweep;
pub(crate) use store::{TREE, hold};

use crate::files::{Dir, Time};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// A snapshot that is in use: it stays as it is while this value lives.
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    n_files: u64,
    n_bytes: u64,
    origin: Origin,
    warnings: Vec<String>,
    lock: File,
}

/// Where the files of a snapshot came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nothing had changed: it is the last snapshot.
    Same,
    /// The last snapshot, which nobody used any more, with so many files brought up to date.
    Updated {
        /// How many files were copied.
        n_copied: u64,
    },
    /// A new folder, with so many files copied and the others shared with the last snapshot.
    New {
        /// How many files were copied.
        n_copied: u64,
    },
}

/// Why no snapshot could be taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The files could not be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// A file of the tree could not be read.
    #[error(
        "can't read `{path}` of the source tree; what no job needs can be named in `.gitignore`"
    )]
    Read {
        /// The file, below the root of the tree.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The copy could not be written.
    #[error("can't write a snapshot of the source tree to {path}")]
    Write {
        /// The file or folder of the store.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Other processes took over every snapshot that this one looked at.
    #[error(
        "can't take a snapshot of the source tree: {path} is changed all the time by other runs"
    )]
    Busy {
        /// The folder of snapshots.
        path: PathBuf,
    },
}

/// How often the newest snapshot is looked for again after another process took it over. Each time
/// means that another run has just started in the same repository.
const MAX_TRIES: u32 = 100;

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being started has the file too, for a moment.
        let _ = self.lock.unlock();
    }
}

impl Snapshot {
    /// Takes a snapshot of the tree at `root` into the folder `snapshots`. In a git working tree
    /// these are the files that git knows or doesn't ignore, as they lie there; elsewhere all files.
    /// What lies below `without` (the store, which may lie in the tree) is left out.
    pub fn take(root: &Path, snapshots: &Path, without: &Path) -> Result<Self, SnapshotError> {
        // Before the first look at a file: what changes from now on is not taken for unchanged.
        let started = Time::now();
        let list = list::files(root, without)?;
        let tree = Dir::open(root).map_err(|source| SnapshotError::Read {
            path: root.to_owned(),
            source,
        })?;
        let survey = build::survey(&tree, list, started)?;
        std::fs::create_dir_all(snapshots).map_err(|source| SnapshotError::Write {
            path: snapshots.to_owned(),
            source,
        })?;
        for _ in 0..MAX_TRIES {
            let last = store::newest(snapshots)?;
            if let Some(snapshot) = build::build(root, snapshots, &survey, last)? {
                return Ok(snapshot);
            }
        }
        Err(SnapshotError::Busy {
            path: snapshots.to_owned(),
        })
    }

    /// Its folder, to be named in an assignment.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many files and links it has.
    #[must_use]
    pub fn n_files(&self) -> u64 {
        self.n_files
    }

    /// How large they are together.
    #[must_use]
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// What was done to make it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What the author should know, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
