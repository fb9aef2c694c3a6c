//! The folder in which a job runs: made from a snapshot of the source tree before the first step, and
//! taken away after the last one. It stands at the same path in every run.

use crate::blobs::Blobs;
use model::spec::Sources;
use std::path::{Path, PathBuf};

/// The workspaces of one slot process, which runs one job at a time. Must be used on the thread that
/// starts the steps: an overlay is mounted in the mount namespace of that thread.
#[derive(Debug)]
pub struct Workspaces {
    work: PathBuf,
    blobs: Blobs,
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
    root: PathBuf,
    home: PathBuf,
    tmp: PathBuf,
    warnings: Vec<String>,
}

/// Why a workspace could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// A file or folder could not be made, read or written.
    #[error("can't prepare the workspace: {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Workspaces {
    /// The workspaces below `work`; what other jobs produced comes from `blobs`.
    #[must_use]
    pub fn new(work: PathBuf, blobs: Blobs) -> Self {
        Self { work, blobs }
    }

    /// Makes the workspace of a job.
    pub fn prepare(&mut self, _request: &Request<'_>) -> Result<Workspace, WorkspaceError> {
        todo!()
    }

    /// Takes a workspace away after all processes of its job have ended. With `keep` it stays, for
    /// looking into, until the next run of the job; the path is where.
    pub fn finish(&mut self, _workspace: Workspace, _keep: bool) -> Option<PathBuf> {
        let _ = (&self.work, &self.blobs);
        todo!()
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
