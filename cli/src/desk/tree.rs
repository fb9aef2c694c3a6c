//! The working tree as a pipeline may ask about it while it is planned: `glob`, `digest`, `read_json`,
//! `changed`. These are the files that a snapshot holds: what git knows or does not ignore.

use super::git;
use super::repository::Repository;
use dsl::plan::{Commit, CommitError};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that `read_json` reads: its value becomes part of the plan.
const MAX_READ: u64 = 4 << 20;

/// A working tree, looked at only as far as something is asked.
#[derive(Debug)]
pub struct WorkingTree<'r> {
    repository: &'r Repository,
    /// Paths below the root, with `/`, sorted.
    files: OnceCell<Result<Vec<String>, String>>,
    /// The same of those that differ from the merge base; absent where there is none.
    changed: OnceCell<Option<Vec<String>>>,
}

impl<'r> WorkingTree<'r> {
    /// The tree of a repository.
    #[must_use]
    pub fn new(repository: &'r Repository) -> Self {
        Self {
            repository,
            files: OnceCell::new(),
            changed: OnceCell::new(),
        }
    }
}

impl Commit for WorkingTree<'_> {
    fn glob(&self, patterns: &[&str]) -> Result<Vec<String>, CommitError> {
        let set = set(patterns)?;
        let files = self.files.get_or_init(|| list(self.repository));
        let files = files.as_ref().map_err(|error| CommitError(error.clone()))?;
        Ok(files
            .iter()
            .filter(|path| set.is_match(path))
            .cloned()
            .collect())
    }

    fn digest(&self, patterns: &[&str]) -> Result<String, CommitError> {
        let files = self.glob(patterns)?;
        if files.is_empty() {
            return Err(CommitError(format!(
                "no file matches {}",
                patterns.join(", ")
            )));
        }
        let mut hasher = blake3::Hasher::new();
        for path in files {
            let content = digest_file(&self.repository.root.join(&path))
                .map_err(|error| CommitError(format!("can't read {path}: {error}")))?;
            // Lengths before texts: no two lists of files have one encoding.
            hasher.update(&(path.len() as u64).to_le_bytes());
            hasher.update(path.as_bytes());
            hasher.update(content.as_bytes());
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    fn changed(&self, patterns: &[&str]) -> Result<bool, CommitError> {
        let set = set(patterns)?;
        let changed = self
            .changed
            .get_or_init(|| git::changed_files(self.repository));
        Ok(match changed {
            None => true,
            Some(files) => files.iter().any(|path| set.is_match(path)),
        })
    }

    fn read(&self, path: &str) -> Result<String, CommitError> {
        let failed = |error: io::Error| CommitError(error.to_string());
        let root = self.repository.root.canonicalize().map_err(failed)?;
        let full = root.join(path).canonicalize().map_err(failed)?;
        // A link in the tree may lead anywhere.
        if !full.starts_with(&root) {
            return Err(CommitError("it lies outside of the repository".to_owned()));
        }
        let mut text = String::new();
        let file = File::open(full).map_err(failed)?;
        let n = file
            .take(MAX_READ + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        match n as u64 > MAX_READ {
            true => Err(CommitError(format!("it has more than {MAX_READ} bytes"))),
            false => Ok(text),
        }
    }
}

fn set(patterns: &[&str]) -> Result<GlobSet, CommitError> {
    let failed = |error: globset::Error| CommitError(error.to_string());
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern)
            // `*` stays within a folder; `**` goes on.
            .literal_separator(true)
            .backslash_escape(false)
            .build()
            .map_err(failed)?;
        set.add(glob);
    }
    set.build().map_err(failed)
}

fn list(repository: &Repository) -> Result<Vec<String>, String> {
    let mut files = match git::files(repository) {
        Some(files) => {
            // What was deleted is known to git until that is committed.
            let exists = |path: &String| repository.root.join(path).symlink_metadata().is_ok();
            files.into_iter().filter(exists).collect()
        }
        None => {
            let mut files = Vec::new();
            walk(&repository.root, &mut files)
                .map_err(|error| format!("can't look through the folder: {error}"))?;
            files
        }
    };
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path, files: &mut Vec<String>) -> io::Result<()> {
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir()? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => {
                    let path = entry.path();
                    let below = path.strip_prefix(root).unwrap_or(&path);
                    files.push(
                        below
                            .to_string_lossy()
                            .replace(std::path::MAIN_SEPARATOR, "/"),
                    );
                }
            }
        }
    }
    Ok(())
}

fn digest_file(path: &Path) -> io::Result<blake3::Hash> {
    if path.is_symlink() {
        let target = path.read_link()?;
        return Ok(blake3::hash(target.as_os_str().as_encoded_bytes()));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(files: &[(&str, &str)]) -> (tempfile::TempDir, Repository) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (path, content) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let repository = Repository {
            start: root.clone(),
            root,
            is_git: false,
        };
        (folder, repository)
    }

    #[test]
    fn stars_stay_in_their_folder() {
        let files = [
            ("a.rs", ""),
            ("src/b.rs", ""),
            ("src/deep/c.rs", ""),
            ("src/d.txt", ""),
        ];
        let (_folder, repository) = repository(&files);
        let tree = WorkingTree::new(&repository);
        let check = |globs: &[&str]| tree.glob(globs).unwrap().join(" ");
        assert_eq!(check(&["*.rs"]), "a.rs");
        assert_eq!(check(&["src/*.rs"]), "src/b.rs");
        assert_eq!(check(&["src/**"]), "src/b.rs src/d.txt src/deep/c.rs");
        assert_eq!(check(&["**/*.rs", "a.rs"]), "a.rs src/b.rs src/deep/c.rs");
        assert!(tree.glob(&["a["]).is_err());
    }

    #[test]
    fn a_digest_is_of_names_and_contents() {
        let digest = |files: &[(&str, &str)]| {
            let (_folder, repository) = repository(files);
            WorkingTree::new(&repository).digest(&["*"])
        };
        let one = digest(&[("a", "1"), ("b", "2")]).unwrap();
        assert_eq!(digest(&[("b", "2"), ("a", "1")]).unwrap(), one);
        assert_ne!(digest(&[("a", "1"), ("c", "2")]).unwrap(), one);
        assert_ne!(digest(&[("a", "1"), ("b", "3")]).unwrap(), one);
        assert_eq!(digest(&[]).unwrap_err().0, "no file matches *");
    }

    #[test]
    fn files_outside_are_not_read() {
        let (_folder, repository) = repository(&[("inside/a.json", "[1]")]);
        let tree = WorkingTree::new(&repository);
        assert_eq!(tree.read("inside/a.json").unwrap(), "[1]");
        assert!(tree.read("missing").is_err());
        assert_eq!(
            tree.read("..").unwrap_err().0,
            "it lies outside of the repository"
        );
    }

    #[test]
    fn without_a_merge_base_all_has_changed() {
        let (_folder, repository) = repository(&[]);
        let tree = WorkingTree::new(&repository);
        assert!(tree.changed(&["src/**"]).unwrap());
    }
}
