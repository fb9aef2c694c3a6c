//! The repository that a command is used in.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Where the pipelines of a repository are, below its root.
pub const PIPELINES: &str = ".gantry";

/// A working tree, or a folder that is none.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its root, absolute.
    pub root: PathBuf,
    /// The folder that the command was started in.
    pub start: PathBuf,
    /// Whether git knows it.
    pub is_git: bool,
}

impl Repository {
    /// The one around the current folder: up to the first `.git`; without one the folder itself.
    pub fn find() -> Result<Self> {
        let start = std::env::current_dir()
            .map_err(|error| Error::system("can't find the current folder").because(error))?;
        // In a linked working tree and in a submodule `.git` is a file.
        let found = start
            .ancestors()
            .find(|folder| folder.join(".git").exists());
        Ok(Self {
            root: found.unwrap_or(&start).to_owned(),
            is_git: found.is_some(),
            start,
        })
    }

    /// The folder of its pipelines.
    #[must_use]
    pub fn pipelines(&self) -> PathBuf {
        self.root.join(PIPELINES)
    }

    /// A path as it is shown: relative to the root where it is below, with `/` on every system.
    #[must_use]
    pub fn shown(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        match cfg!(windows) {
            true => relative.to_string_lossy().replace('\\', "/"),
            false => relative.to_string_lossy().into_owned(),
        }
    }
}
