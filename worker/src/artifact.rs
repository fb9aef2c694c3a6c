//! Files that are kept for people.

use std::path::{Path, PathBuf};

/// What was kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many files.
    pub n_files: u64,
    /// How large they are together.
    pub n_bytes: u64,
    /// Globs that matched nothing.
    pub unmatched: Vec<String>,
}

/// Why files could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file or folder could not be made, read or written.
    #[error("can't keep {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Copies the files below `root` that match `globs` to the same paths below `dest`
/// (`artifacts/RUN/JOB.N`), which is made where something matches.
pub fn keep(_root: &Path, _globs: &[String], _dest: &Path) -> Result<Kept, ArtifactError> {
    todo!()
}
