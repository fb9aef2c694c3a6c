//! What a job hands on to the jobs that need it.

use crate::blobs::{BlobError, Blobs};
use model::spec::Needed;
use std::path::{Path, PathBuf};

/// Why what a job produces could not be kept, or laid for another job.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// Nothing is there.
    #[error("`produces` names `{glob}`, but there is no such file in the workspace")]
    Nothing {
        /// The glob.
        glob: String,
    },
    /// A blob could not be written or read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A file or folder could not be made, read or written.
    #[error("{path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Keeps the files below `root` that match `globs`, and answers the digest of their manifest; `None`
/// without globs.
pub fn collect(
    _root: &Path,
    globs: &[String],
    _blobs: &Blobs,
) -> Result<Option<String>, ProduceError> {
    match globs {
        [] => Ok(None),
        _ => todo!(),
    }
}

/// Lays what the needed jobs produced below `root`. Two jobs at one path are an error.
pub fn lay(_needs: &[Needed], _blobs: &Blobs, _root: &Path) -> Result<(), ProduceError> {
    todo!()
}
