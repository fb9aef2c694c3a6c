//! Where the files of a store lie.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of a store and what is in it. Everything Gantry keeps about a repository's runs is
/// below this one folder, so that it can be looked at, moved or deleted as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

/// How much of a repository's name its store's folder carries, for people: paths are bounded on
/// Windows, and the digest behind it is what tells stores apart.
const NAME_LIMIT: usize = 24;

/// How many hexadecimal digits of the digest: enough that no two of a person's folders share them.
const DIGEST_DIGITS: usize = 12;

impl Layout {
    /// A store in this very folder (`--store`).
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The store of a repository below the user's cache folder. The same folder always has the same
    /// store, by whatever way it is reached; a copy or a second clone has one of its own.
    ///
    /// # Errors
    /// Where `repository` is no folder that can be reached.
    pub fn for_repository(cache: &Path, repository: &Path) -> io::Result<Self> {
        let canonical = repository.canonicalize()?;
        let digest = blake3::hash(canonical.as_os_str().as_encoded_bytes()).to_hex();
        let name = short_name(canonical.file_name().unwrap_or_default());
        let folder = format!("{name}-{}", &digest[..DIGEST_DIGITS]);
        Ok(Self::at(cache.join("gantry").join(folder)))
    }

    /// Makes the folders that are not there yet.
    ///
    /// # Errors
    /// Where one can't be made; the error names it.
    pub fn create(&self) -> Result<(), (PathBuf, io::Error)> {
        let folders = [
            self.runs(),
            self.logs(),
            self.artifacts(),
            self.blobs(),
            self.snapshots(),
            self.work(),
            self.tmp(),
        ];
        for folder in folders {
            std::fs::create_dir_all(&folder).map_err(|error| (folder, error))?;
        }
        Ok(())
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database: runs, plans, jobs, steps.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.root.join("store.sqlite")
    }

    /// A locked file for each run that is alive.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Logs: `RUN/JOB.ATTEMPT.log`.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Files kept for people: `RUN/JOB.ATTEMPT/…`.
    #[must_use]
    pub fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    /// Contents by their digest.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Source trees, read-only.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// Workspaces of jobs.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// What may be deleted whenever no run is alive.
    #[must_use]
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }
}

/// The part of a folder's name that is a good name on every system.
fn short_name(name: &OsStr) -> String {
    let name: String = name
        .to_string_lossy()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(NAME_LIMIT)
        .collect();
    match name.is_empty() {
        true => "repository".to_owned(),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(repository: &Path) -> String {
        let layout = Layout::for_repository(Path::new("/cache"), repository).unwrap();
        assert_eq!(
            layout.root().parent(),
            Some(Path::new("/cache").join("gantry").as_path())
        );
        let name = layout.root().file_name().unwrap();
        name.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_repository_has_one_store_by_whatever_way_it_is_reached() {
        let tmp = tempfile::tempdir().unwrap();
        let repository = tmp.path().join("my app (ü)");
        std::fs::create_dir_all(repository.join("src")).unwrap();
        let folder = folder_of(&repository);
        assert_eq!(folder_of(&repository.join("src/..")), folder);
        assert!(folder.starts_with("myapp-"), "{folder}");
        assert_eq!(folder.len(), "myapp-".len() + DIGEST_DIGITS);
        assert_ne!(folder_of(tmp.path()), folder);
    }

    #[test]
    fn a_repository_that_is_not_there_has_none() {
        let tmp = tempfile::tempdir().unwrap();
        let missing = Layout::for_repository(Path::new("/cache"), &tmp.path().join("gone"));
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
