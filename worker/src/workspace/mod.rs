//! The folder in which a job runs: made from a snapshot of the source tree before the first step, and
//! taken away after the last one. It stands at the same path in every run of the pipeline.
//!
//! In `work/` each job has a folder with its `tree` (the workspace itself), `home` and `tmp`. Nothing
//! in them is a hard link to anything: a small tree is copied, a large one is an overlay on the
//! snapshot where the system lets us mount, and copied otherwise. A slot keeps the folder of its last
//! job for the next one and mends what that job changed, which for most jobs is nothing at all.

mod claim;
mod key;
mod overlay;
mod place;
mod sweeper;
mod tree;

pub use sweeper::sweep;

use crate::{
    blobs::Blobs,
    files::{Dir, GlobError, Globs},
    produce::{self, ProduceError},
    snapshot::{self, Index},
};
use model::spec::Sources;
use overlay::Overlay;
use place::{Content, Place};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use sweeper::Sweeper;

/// A tree of more files than this is laid as an overlay where that is possible: copying a file and
/// deleting the copy takes about 50 µs, a mount and its end about 1 ms.
const MAX_COPIED_FILES: u64 = 64;

/// The same for the bytes of the tree.
const MAX_COPIED_BYTES: u64 = 4 * 1024 * 1024;

/// The workspaces of one slot process, which runs one job at a time. Must be used on the thread that
/// starts the steps: an overlay is mounted in the mount namespace of that thread.
#[derive(Debug)]
pub struct Workspaces {
    path: PathBuf,
    blobs: Blobs,
    snapshot: Option<Arc<Snapshot>>,
    spare: Option<Place>,
    sweeper: Sweeper,
    /// Whether this thread can mount overlays, once that was asked.
    can_mount: Option<bool>,
}

/// What a job's workspace is made from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What it is called on the disk: [`JobSpec::workspace`](model::JobSpec::workspace).
    pub key: &'a str,
    /// The source tree.
    pub source: &'a Source,
    /// What of it, and what else, lies in the workspace.
    pub sources: &'a Sources,
}

/// Where the source tree is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Source {
    /// There is none.
    #[default]
    None,
    /// A snapshot's folder.
    Snapshot(PathBuf),
    /// The author's own tree, used as it is.
    InPlace(PathBuf),
}

/// A workspace that is ready.
#[derive(Debug)]
pub struct Workspace {
    place: Place,
    root: PathBuf,
    home: PathBuf,
    tmp: PathBuf,
    warnings: Vec<String>,
}

/// Why a workspace could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// A file or folder could not be made.
    #[error("can't prepare the workspace {path}")]
    Prepare {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The snapshot of the source tree is gone or damaged.
    #[error("can't read the snapshot of the source tree {path}")]
    Snapshot {
        /// Its folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A pattern of `inputs` can't be used.
    #[error("the patterns of `inputs` can't be used")]
    Glob(#[from] GlobError),
    /// What needed jobs produced could not be laid.
    #[error(transparent)]
    Produce(#[from] ProduceError),
    /// The same job runs too often at one time.
    #[error("{path} and {n} numbered paths beside it are all in use")]
    Crowded {
        /// The path of the job's folder.
        path: PathBuf,
        /// How many were tried.
        n: u32,
    },
}

/// A snapshot as this process reads it; it stays as it is while this value lives.
#[derive(Debug)]
struct Snapshot {
    path: PathBuf,
    size: snapshot::Size,
    _lock: File,
}

/// What the tree of a workspace is to hold.
#[derive(Debug)]
enum Wanted<'a> {
    /// No tree: the author's own is used.
    Nothing,
    /// An empty folder.
    Empty,
    /// All files of a snapshot, as an overlay on it where that works out.
    Overlay(Arc<Snapshot>),
    /// Files of a snapshot, as copies; all of them without globs.
    Copies(Arc<Snapshot>, Option<&'a [String]>),
}

impl Workspaces {
    /// The workspaces below `work`; what other jobs produced comes from `blobs`.
    #[must_use]
    pub fn new(work: PathBuf, blobs: Blobs) -> Self {
        Self {
            sweeper: Sweeper::new(work.clone()),
            path: work,
            blobs,
            snapshot: None,
            spare: None,
            can_mount: None,
        }
    }

    /// Makes the workspace of a job.
    pub fn prepare(&mut self, request: &Request<'_>) -> Result<Workspace, WorkspaceError> {
        let wanted = self.wanted(request)?;
        let mut warnings = Vec::new();
        let mut place = self.place(&wanted, &mut warnings)?;
        if let Err(error) = place.settle(&key::folder_name(request.key), &self.sweeper) {
            self.spare = Some(place);
            return Err(error);
        }
        let root = match request.source {
            Source::InPlace(path) => path.clone(),
            _ => place.path().join(place::TREE),
        };
        if let Err(error) = produce::lay(&request.sources.needs, &self.blobs, &root) {
            self.sweeper.take(place);
            return Err(error.into());
        }
        Ok(Workspace {
            root,
            home: place.path().join(place::HOME),
            tmp: place.path().join(place::TMP),
            place,
            warnings,
        })
    }

    /// Takes a workspace away after all processes of its job have ended. With `keep` it stays, for
    /// looking into, until the next run of the job, and the path is where; of an overlay only what
    /// the job has changed or made stays.
    pub fn finish(&mut self, workspace: Workspace, keep: bool) -> Option<PathBuf> {
        let mut place = workspace.place;
        if keep && !matches!(place.content, Content::Bare) {
            return place.leave().ok();
        }
        match place.make_spare(&self.sweeper) {
            Ok(()) => self.spare = Some(place),
            Err(error) => {
                tracing::debug!(path = %place.path().display(), %error, "a workspace is not reused");
                self.sweeper.take(place);
            }
        }
        None
    }

    fn wanted<'a>(&mut self, request: &Request<'a>) -> Result<Wanted<'a>, WorkspaceError> {
        Ok(match request.source {
            Source::InPlace(_) => Wanted::Nothing,
            Source::Snapshot(path) if request.sources.checkout => {
                let snapshot = self.snapshot(path)?;
                match &request.sources.inputs {
                    None if !snapshot.is_small() && self.can_mount() => Wanted::Overlay(snapshot),
                    inputs => Wanted::Copies(snapshot, inputs.as_deref()),
                }
            }
            Source::Snapshot(_) | Source::None => Wanted::Empty,
        })
    }

    fn can_mount(&mut self) -> bool {
        *self.can_mount.get_or_insert_with(|| {
            // What is open must be opened again in the new namespace.
            self.sweeper.end(self.spare.take());
            Overlay::enter()
        })
    }

    /// A folder with what is wanted: the last one, mended, or a new one.
    fn place(
        &mut self,
        wanted: &Wanted<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Place, WorkspaceError> {
        let failed = |source| WorkspaceError::Prepare {
            path: self.path.clone(),
            source,
        };
        if let Some(mut place) = self.spare.take() {
            match place.fill(wanted, &self.sweeper, warnings) {
                Ok(true) => return Ok(place),
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%error, "a workspace can't be mended, and is made anew");
                }
            }
            self.sweeper.take(place);
            warnings.clear();
        }
        let mut place = Place::new(&self.path).map_err(failed)?;
        match place.fill(wanted, &self.sweeper, warnings) {
            Ok(_) => Ok(place),
            Err(error) => {
                self.sweeper.take(place);
                Err(error)
            }
        }
    }

    /// The snapshot at this path; a slot reads the same one in job after job.
    fn snapshot(&mut self, path: &Path) -> Result<Arc<Snapshot>, WorkspaceError> {
        if let Some(snapshot) = &self.snapshot
            && snapshot.path == path
        {
            return Ok(Arc::clone(snapshot));
        }
        let failed = |source| WorkspaceError::Snapshot {
            path: path.to_owned(),
            source,
        };
        let snapshot = Arc::new(Snapshot {
            _lock: snapshot::hold(path).map_err(failed)?,
            size: Index::read_size(path).map_err(failed)?,
            path: path.to_owned(),
        });
        self.snapshot = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }
}

impl Drop for Workspaces {
    fn drop(&mut self) {
        self.sweeper.end(self.spare.take());
    }
}

impl Snapshot {
    fn is_small(&self) -> bool {
        self.size.n_files <= MAX_COPIED_FILES && self.size.n_bytes <= MAX_COPIED_BYTES
    }

    fn tree(&self) -> io::Result<Dir> {
        Dir::open(&self.path.join(snapshot::TREE))
    }
}

impl Workspace {
    /// The folder in which steps start.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The job's own `HOME`, empty at first.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The job's own `TMPDIR`, empty at first.
    #[must_use]
    pub fn tmp(&self) -> &Path {
        &self.tmp
    }

    /// What the author should know, a sentence each: a glob of `inputs` that matches nothing, …
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Which files of a snapshot the globs of `inputs` name, and a warning for each that names none.
fn select(
    index: &Index,
    globs: &[String],
    warnings: &mut Vec<String>,
) -> Result<Vec<bool>, WorkspaceError> {
    let paths = index.entries.iter().map(|entry| entry.path.as_path());
    let (selected, unmatched) = Globs::new(globs)?.select(paths);
    for glob in unmatched {
        warnings.push(format!("`inputs` names `{glob}`, which matches no file"));
    }
    Ok(selected)
}
