//! Which files belong to a source tree.

use crate::files::{Dir, Kind, path_from_wire};
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How many files a folder without a git repository may have. Whoever runs a pipeline in the home
/// folder by mistake should hear it at once, instead of waiting for a copy of everything.
pub(crate) const MAX_PLAIN_FILES: usize = 200_000;

/// How deep git repositories may lie in each other.
const MAX_SUBMODULE_DEPTH: usize = 16;

/// Why the files of a tree could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// There is no git.
    #[error("the folder is a git repository, but git can't be started")]
    NoGit {
        /// What the system said.
        source: io::Error,
    },
    /// git refused.
    #[error("git can't list the files of {path}: {message}")]
    Git {
        /// The folder.
        path: PathBuf,
        /// What git said.
        message: String,
    },
    /// A path of git means nothing on this system.
    #[error("git lists a file that can't exist on this system: {name}")]
    Name {
        /// The path, as far as it can be shown.
        name: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A folder can't be read.
    #[error("can't read the folder {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Too many files for a folder without a repository.
    #[error(
        "{path} has more than {MAX_PLAIN_FILES} files and is no git repository; \
         `git init` makes it one, `--isolation none` uses the folder as it is"
    )]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
}

/// The paths below `root` of its files, links and empty folders, in byte order, each once.
pub(crate) fn files(root: &Path, without: &Path) -> Result<Vec<PathBuf>, ListError> {
    let mut found = match is_in_repository(root) {
        true => {
            let mut found = Vec::new();
            git(root, Path::new(""), 0, &mut found)?;
            found
        }
        false => plain(root, without)?,
    };
    if let Some(store) = below(root, without) {
        found.retain(|path| !path.starts_with(&store));
    }
    found.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    found.dedup();
    Ok(found)
}

/// Whether git would find a repository; without a process.
fn is_in_repository(root: &Path) -> bool {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    root.ancestors()
        .any(|folder| folder.join(".git").symlink_metadata().is_ok())
}

/// The path of `inner` below `root`, if it lies there.
fn below(root: &Path, inner: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    let inner = inner.canonicalize().ok()?;
    let path = inner.strip_prefix(root).ok()?;
    (!path.as_os_str().is_empty()).then(|| path.to_owned())
}

/// What git tracks, and what it neither tracks nor ignores; in submodules too.
fn git(
    root: &Path,
    prefix: &Path,
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), ListError> {
    let folder = root.join(prefix);
    let output = git_command(&folder)
        .output()
        .map_err(|source| ListError::NoGit { source })?;
    if !output.status.success() {
        return Err(ListError::Git {
            path: folder,
            message: message(&output.stderr),
        });
    }
    found.reserve(output.stdout.iter().filter(|byte| **byte == 0).count());
    for name in output.stdout.split(|byte| *byte == 0) {
        if name.is_empty() {
            continue;
        }
        // A repository that is not tracked is listed as a folder.
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let path = path_from_wire(name).map_err(|source| ListError::Name {
            name: String::from_utf8_lossy(name).into_owned(),
            source,
        })?;
        found.push(prefix.join(path));
    }
    if depth == MAX_SUBMODULE_DEPTH {
        return Ok(());
    }
    for inner in submodules(&folder, &output.stdout) {
        git(root, &prefix.join(inner), depth + 1, found)?;
    }
    Ok(())
}

/// The repositories in this one: listed by git as one entry, folders on the disk. The only other
/// entries that are folders are those that stand where a tracked file was, and these are no
/// repositories.
fn submodules(folder: &Path, listed: &[u8]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    // Submodules are recorded in this file; other repositories end in a slash.
    let has_modules = folder.join(".gitmodules").symlink_metadata().is_ok();
    for name in listed.split(|byte| *byte == 0) {
        let is_folder = name.ends_with(b"/");
        if name.is_empty() || !(is_folder || has_modules) {
            continue;
        }
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let Ok(path) = path_from_wire(name) else {
            continue;
        };
        if folder.join(&path).join(".git").symlink_metadata().is_ok() {
            found.insert(path);
        }
    }
    found
}

/// git as it is always called: nothing of the machine's or the user's settings, no program that the
/// repository names, no prompt, no lock that would disturb the author's own git. The environment is
/// empty, so that a run started from a git hook is no run in the hook's index.
fn git_command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["-c", "core.fsmonitor=false"])
        // Whoever owns the folder: only a list of names is read from it.
        .args(["-c", "safe.directory=*"])
        .args(["ls-files", "-z", "--cached", "--others"])
        .args(["--exclude-standard", "--deduplicate"])
        .env_clear()
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", NULL_DEVICE)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    for name in ["PATH", "SystemRoot", "TEMP"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

const NULL_DEVICE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// What git said, on one line and not endless.
fn message(stderr: &[u8]) -> String {
    const MAX_CHARS: usize = 500;
    let text = String::from_utf8_lossy(stderr);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_CHARS).collect()
}

/// All files of a folder; folders only where they are empty.
fn plain(root: &Path, without: &Path) -> Result<Vec<PathBuf>, ListError> {
    let without = below(root, without);
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        let read = |source| ListError::Read {
            path: root.join(&folder),
            source,
        };
        let entries = Dir::open(&root.join(&folder))
            .and_then(|dir| dir.entries())
            .map_err(read)?;
        if entries.is_empty() && !folder.as_os_str().is_empty() {
            found.push(folder.clone());
        }
        for (name, kind) in entries {
            let path = folder.join(name);
            match kind {
                Kind::Folder if without.as_ref() == Some(&path) => {}
                Kind::Folder => waiting.push(path),
                _ => found.push(path),
            }
        }
        if found.len() + waiting.len() > MAX_PLAIN_FILES {
            return Err(ListError::TooMany {
                path: root.to_owned(),
            });
        }
    }
    Ok(found)
}
