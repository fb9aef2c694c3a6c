//! What a slot is told once, when it starts.

use crate::Dirs;
use protocol::slot::v1;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What all jobs of a slot have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Of this slot alone: its journal, the file of outputs, long scripts. It is made where it is
    /// missing.
    pub folder: PathBuf,
    /// Where the logs of attempts are written: [`AttemptId::path`](model::AttemptId::path) below it.
    pub logs: PathBuf,
    /// The worker's folders.
    pub dirs: Dirs,
    /// The environment that every step gets, besides `HOME` and `TMPDIR`; see
    /// [`base_environment`](crate::executor::base_environment).
    pub env: BTreeMap<String, String>,
    /// Whether the journal is on the disk before anything is told.
    pub durable: bool,
}

/// A path that can't be sent.
#[derive(Debug, Error)]
#[error("{path:?} is not Unicode; choose another place for the store")]
pub struct PathError {
    /// The path.
    pub path: PathBuf,
}

impl TryFrom<&Config> for v1::Config {
    type Error = PathError;

    fn try_from(config: &Config) -> Result<Self, PathError> {
        let Dirs {
            snapshots,
            work,
            blobs,
            artifacts,
        } = &config.dirs;
        Ok(Self {
            folder: text(&config.folder)?,
            logs: text(&config.logs)?,
            dirs: Some(v1::Dirs {
                snapshots: text(snapshots)?,
                work: text(work)?,
                blobs: text(blobs)?,
                artifacts: text(artifacts)?,
            }),
            env: config.env.clone(),
            durable: config.durable,
        })
    }
}

impl From<v1::Config> for Config {
    fn from(config: v1::Config) -> Self {
        let dirs = config.dirs.unwrap_or_default();
        Self {
            folder: config.folder.into(),
            logs: config.logs.into(),
            dirs: Dirs {
                snapshots: dirs.snapshots.into(),
                work: dirs.work.into(),
                blobs: dirs.blobs.into(),
                artifacts: dirs.artifacts.into(),
            },
            env: config.env,
            durable: config.durable,
        }
    }
}

fn text(path: &Path) -> Result<String, PathError> {
    path.to_str().map(str::to_owned).ok_or_else(|| PathError {
        path: path.to_owned(),
    })
}
