//! Contents by their BLAKE3 digest.

use std::path::PathBuf;

/// The blob store of a worker.
#[derive(Debug, Clone)]
pub struct Blobs {
    dir: PathBuf,
    durable: bool,
}

/// Why a blob could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The disk is full.
    #[error("no space left to keep {path}")]
    Full {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Blobs {
    /// The store in `dir`, which is made when first written to. With `durable` a blob is on the disk
    /// before its digest is told to anybody; without, a power cut may lose it, which is noticed when
    /// it is read.
    #[must_use]
    pub fn new(dir: PathBuf, durable: bool) -> Self {
        Self { dir, durable }
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &std::path::Path {
        let _ = self.durable;
        &self.dir
    }
}
