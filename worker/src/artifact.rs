//! Files that are kept for people.

use crate::files::{Cursor, Dir, GlobError, Globs, Kind, split};
use std::{
    io,
    path::{Path, PathBuf},
};

/// What was kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many files and links.
    pub n_files: u64,
    /// How large they are together.
    pub n_bytes: u64,
    /// Patterns that matched nothing.
    pub unmatched: Vec<String>,
    /// What matched, but is neither file, folder nor link.
    pub skipped: Vec<PathBuf>,
}

/// Why files could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The patterns can't be followed.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// A file could not be read.
    #[error("can't read `{path}` of the workspace")]
    Read {
        /// The path in the workspace.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A copy could not be written.
    #[error("can't write {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Copies the files below `root` that match `globs` to the same paths below `dest`
/// (`artifacts/RUN/JOB.N`), which is made where something matches. What was kept there before under
/// the same path is replaced.
pub fn keep(root: &Path, globs: &[String], dest: &Path) -> Result<Kept, ArtifactError> {
    let from = Dir::open(root).map_err(|source| ArtifactError::Read {
        path: root.to_owned(),
        source,
    })?;
    let found = Globs::new(globs)?.find(&from)?;
    let mut kept = Kept {
        unmatched: found.unmatched,
        ..Kept::default()
    };
    if found.entries.is_empty() {
        return Ok(kept);
    }
    let to = std::fs::create_dir_all(dest)
        .and_then(|()| Dir::open(dest))
        .map_err(|source| ArtifactError::Write {
            path: dest.to_owned(),
            source,
        })?;
    let mut keeper = Keeper {
        from: Cursor::new(&from),
        to: Cursor::new(&to),
        dest,
    };
    for (path, kind) in found.entries {
        match kind {
            Kind::Other => kept.skipped.push(path),
            Kind::Folder => keeper.folder(&path)?,
            Kind::File | Kind::Link => {
                kept.n_files += 1;
                kept.n_bytes += keeper.file(&path, kind)?;
            }
        }
    }
    Ok(kept)
}

struct Keeper<'a> {
    from: Cursor<'a>,
    to: Cursor<'a>,
    dest: &'a Path,
}

impl Keeper<'_> {
    fn folder(&mut self, path: &Path) -> Result<(), ArtifactError> {
        let made = self.to.make(path);
        made.map(drop)
            .map_err(|source| unwritten(self.dest, path, source))
    }

    /// Copies one, and answers its size.
    fn file(&mut self, path: &Path, kind: Kind) -> Result<u64, ArtifactError> {
        let dest = self.dest;
        let write = |source| unwritten(dest, path, source);
        let read = |source| ArtifactError::Read {
            path: path.to_owned(),
            source,
        };
        let (folder, name) = split(path).map_err(read)?;
        let from = self.from.at(folder).map_err(read)?;
        let to = self.to.make(folder).map_err(write)?;
        match to.unlink(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(write(error)),
            _ => {}
        }
        match kind {
            Kind::Link => {
                let target = from.read_link(name).map_err(read)?;
                to.link_to(name, &target).map_err(write)?;
                Ok(0)
            }
            _ => {
                let (file, stat) = from.read(name).map_err(read)?;
                let copy = to.copy_in(name, &file, &stat).map_err(write)?;
                Ok(copy.stamp.size)
            }
        }
    }
}

fn unwritten(dest: &Path, path: &Path, source: io::Error) -> ArtifactError {
    ArtifactError::Write {
        path: dest.join(path),
        source,
    }
}
