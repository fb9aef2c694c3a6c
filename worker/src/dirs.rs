//! Where a worker keeps its files.

use std::path::{Path, PathBuf};

/// The folders of a worker. All lie on one file system, so that a file can be moved from one to
/// another by a rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// Read-only copies of source trees.
    pub snapshots: PathBuf,
    /// A folder per job that is prepared, runs, or failed the last time.
    pub work: PathBuf,
    /// Contents, by digest.
    pub blobs: PathBuf,
    /// Files that are kept for people: `RUN/JOB.N/…`.
    pub artifacts: PathBuf,
}

impl Dirs {
    /// The folders below `store`.
    #[must_use]
    pub fn below(store: &Path) -> Self {
        Self {
            snapshots: store.join("snapshots"),
            work: store.join("work"),
            blobs: store.join("blobs"),
            artifacts: store.join("artifacts"),
        }
    }
}
