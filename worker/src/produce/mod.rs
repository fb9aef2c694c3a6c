//! What a job hands on to the jobs that need it: files of its workspace, kept by their contents, and
//! a list of them that is laid again elsewhere.

mod lay;
mod manifest;

pub use crate::files::GlobError;
pub use lay::lay;
pub use manifest::ManifestError;

use crate::{
    blobs::{BlobError, Blobs},
    files::{Cursor, Dir, Globs, Kind, split},
};
use manifest::{Content, Item, Manifest};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why what a job produces could not be kept, or laid for another job.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// Nothing is there.
    #[error("`produces` names `{glob}`, but nothing in the workspace matches it")]
    Nothing {
        /// The pattern.
        glob: String,
    },
    /// It can't be handed on.
    #[error("`{path}` can't be handed on: it is neither file, folder nor link")]
    Special {
        /// What was found.
        path: PathBuf,
    },
    /// The patterns can't be followed.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// A content could not be written or read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The list of what a job produced can't be used.
    #[error("what `{job}` produced can't be used")]
    Manifest {
        /// The job.
        job: String,
        /// Why.
        source: ManifestError,
    },
    /// Two jobs produced the same path.
    #[error("`{path}` is produced by both `{first}` and `{second}`")]
    Conflict {
        /// The path in the workspace.
        path: PathBuf,
        /// One of the jobs.
        first: String,
        /// The other one.
        second: String,
    },
    /// Something stands where it should lie.
    #[error("`{path}`, which `{job}` produced, can't be laid: {what} stands there")]
    InTheWay {
        /// The path in the workspace.
        path: PathBuf,
        /// The job.
        job: String,
        /// What stands there.
        what: &'static str,
    },
    /// A file could not be read.
    #[error("can't read `{path}` of the workspace")]
    Read {
        /// The path in the workspace.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("can't write `{path}` in the workspace")]
    Write {
        /// The path in the workspace.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Keeps the files below `root` that match `globs`, and answers the digest of their list; `None`
/// without globs. A pattern that matches nothing is an error.
pub fn collect(
    root: &Path,
    globs: &[String],
    blobs: &Blobs,
) -> Result<Option<String>, ProduceError> {
    if globs.is_empty() {
        return Ok(None);
    }
    let root = Dir::open(root).map_err(|source| ProduceError::Read {
        path: root.to_owned(),
        source,
    })?;
    let found = Globs::new(globs)?.find(&root)?;
    if let Some(glob) = found.unmatched.into_iter().next() {
        return Err(ProduceError::Nothing { glob });
    }
    let mut cursor = Cursor::new(&root);
    let mut items = Vec::with_capacity(found.entries.len());
    for (path, kind) in found.entries {
        let item = item(&mut cursor, &path, kind, blobs)?;
        items.push(item);
    }
    let manifest = Manifest::new(items).map_err(|source| ProduceError::Read {
        path: PathBuf::new(),
        source,
    })?;
    Ok(Some(blobs.put(manifest.as_bytes())?))
}

fn item(
    cursor: &mut Cursor<'_>,
    path: &Path,
    kind: Kind,
    blobs: &Blobs,
) -> Result<Item, ProduceError> {
    let read = |source| ProduceError::Read {
        path: path.to_owned(),
        source,
    };
    let (folder, name) = split(path).map_err(read)?;
    let dir = cursor.at(folder).map_err(read)?;
    let content = match kind {
        Kind::File => {
            let (file, stat) = dir.read(name).map_err(read)?;
            let (digest, size) = blobs.put_file(&file)?;
            Content::File {
                mode: stat.mode,
                size,
                digest,
            }
        }
        Kind::Link => Content::Link {
            target: dir.read_link(name).map_err(read)?,
        },
        Kind::Folder => Content::Folder {
            mode: dir.stat(name).map_err(read)?.mode,
        },
        Kind::Other => {
            return Err(ProduceError::Special {
                path: path.to_owned(),
            });
        }
    };
    Ok(Item {
        path: path.to_owned(),
        content,
    })
}
