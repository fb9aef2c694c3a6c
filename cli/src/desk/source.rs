//! The source tree that jobs get: a snapshot of the working tree, or the tree itself.

use super::Repository;
use crate::error::{Error, Result};
use clap::ValueEnum;
use protocol::Source;
use runner::layout::Layout;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use worker::snapshot::{Snapshot, SnapshotError};

/// Where jobs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// Each in a workspace of its own, laid from a snapshot.
    Workspace,
    /// In the author's working tree.
    None,
}

/// Most snapshots are there sooner, and a line would only flicker.
const PROGRESS_AFTER: Duration = Duration::from_millis(250);

/// A source tree that is being prepared.
#[derive(Debug)]
pub enum Tree {
    /// A snapshot is taken on a thread of its own.
    Taking(Receiver<Result<Snapshot, SnapshotError>>),
    /// The tree itself.
    InPlace(PathBuf),
}

/// A source tree that is ready. A snapshot stays as it is while this lives.
#[derive(Debug)]
pub enum Ready {
    /// A snapshot.
    Snapshot(Snapshot),
    /// The tree itself.
    InPlace(PathBuf),
}

impl Tree {
    /// Begins.
    #[must_use]
    pub fn prepare(repository: &Repository, layout: &Layout, isolation: Isolation) -> Self {
        if isolation == Isolation::None {
            return Self::InPlace(repository.root.clone());
        }
        let (done, taking) = channel();
        let (root, layout) = (repository.root.clone(), layout.clone());
        std::thread::spawn(move || {
            let snapshot = Snapshot::take(&root, &layout.snapshots(), layout.root());
            // Nobody waits for it any more where the pipeline has a mistake.
            let _ = done.send(snapshot);
        });
        Self::Taking(taking)
    }

    /// Waits until it is there; says so where that takes long and somebody watches.
    pub fn wait(self, show_progress: bool) -> Result<Ready> {
        let taking = match self {
            Self::InPlace(root) => return Ok(Ready::InPlace(root)),
            Self::Taking(taking) => taking,
        };
        let start = Instant::now();
        let mut is_shown = false;
        let taken = loop {
            match taking.recv_timeout(PROGRESS_AFTER) {
                Ok(taken) => break taken,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::system(
                        "taking a snapshot of the source tree has failed",
                    ));
                }
                Err(RecvTimeoutError::Timeout) if show_progress => {
                    is_shown = true;
                    let seconds = start.elapsed().as_secs_f32();
                    write!(
                        io::stdout(),
                        "\rtaking a snapshot of the source tree … {seconds:.1}s"
                    )?;
                    io::stdout().flush()?;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        if is_shown {
            write!(io::stdout(), "\r\x1b[K")?;
        }
        Ok(Ready::Snapshot(taken?))
    }
}

impl Ready {
    /// As jobs are told of it.
    #[must_use]
    pub fn source(&self) -> Source {
        match self {
            Self::Snapshot(snapshot) => Source::Snapshot(snapshot.path().to_owned()),
            Self::InPlace(root) => Source::InPlace(root.clone()),
        }
    }

    /// What the author should know about it.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Snapshot(snapshot) => snapshot.warnings(),
            Self::InPlace(_) => &[],
        }
    }
}

impl From<SnapshotError> for Error {
    fn from(error: SnapshotError) -> Self {
        let message = error.to_string();
        let cause = match error {
            SnapshotError::Read { source, .. } | SnapshotError::Write { source, .. } => {
                Some(source.into())
            }
            SnapshotError::List(_) | SnapshotError::Busy { .. } => None,
        };
        let mut edge = Self::system(message);
        edge.cause = cause;
        edge
    }
}
