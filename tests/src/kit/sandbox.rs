//! A world of its own for each test: a repository, a home, a store, and nothing of the machine's
//! but `PATH`.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{Invocation, redact::redact};

/// Gone with the test, with all that lies in it.
pub struct Sandbox {
    root: TempDir,
}

impl Sandbox {
    /// A world with an empty folder as repository: no git, no pipeline.
    #[must_use]
    pub fn empty() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// The same in memory, where the system has such a file system: for fixtures of so many files
    /// that making and removing them on a disk would take longer than the test.
    #[must_use]
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        match memory.is_dir() {
            true => Self::below(memory),
            false => Self::empty(),
        }
    }

    fn below(folder: &Path) -> Self {
        let root = tempfile::Builder::new()
            .prefix("gt-")
            .tempdir_in(folder)
            .expect("the machine has a temporary folder");
        for folder in ["repo", "home", "tmp", "store"] {
            fs::create_dir(root.path().join(folder)).expect("a fresh folder takes folders");
        }
        Self { root }
    }

    /// A world with a git repository of one commit, whose `.gantry/ci.gantry` is `pipeline`.
    #[must_use]
    pub fn with(pipeline: &str) -> Self {
        Self::empty().with_repository(pipeline)
    }

    /// Makes a git repository of it, of one commit, whose `.gantry/ci.gantry` is `pipeline`.
    #[must_use]
    pub fn with_repository(self, pipeline: &str) -> Self {
        self.write(".gantry/ci.gantry", pipeline);
        self.write("README", "a fixture\n");
        self.git(["init", "--quiet", "--initial-branch=main"]);
        self.commit("first");
        self
    }

    /// The folder that all of this world is in. Its path is in the environment of every process
    /// that belongs to the test, which is how they are found.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The author's working tree.
    #[must_use]
    pub fn repo(&self) -> PathBuf {
        self.root().join("repo")
    }

    /// What is given as `--store`.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.root().join("store")
    }

    /// A path in the working tree.
    #[must_use]
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.repo().join(name)
    }

    /// Writes a file of the working tree, with the folders that it needs.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("folders");
        fs::write(path, content).expect("the fixture's file is written");
    }

    /// Writes an executable file of the working tree.
    #[cfg(unix)]
    pub fn write_program(&self, name: impl AsRef<Path>, content: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name.as_ref());
        self.write(name, content);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }

    /// Replaces the pipeline.
    pub fn pipeline(&self, text: &str) {
        self.write(".gantry/ci.gantry", text);
    }

    /// Runs git in the working tree, hermetically.
    pub fn git<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) {
        let output = Command::new("git")
            .current_dir(self.repo())
            .env("HOME", self.root().join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .args([
                "-c",
                "user.name=A U Thor",
                "-c",
                "user.email=author@example.com",
            ])
            .args(["-c", "commit.gpgsign=false"])
            .args(args)
            .output()
            .expect("git is installed");
        assert!(
            output.status.success(),
            "git: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Commits all that is in the working tree.
    pub fn commit(&self, message: &str) {
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    /// `gantry` with these arguments, in the working tree, not started yet.
    pub fn gantry<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Invocation {
        Invocation::new(self, args)
    }

    /// `text` without what differs from run to run: see [`redact`].
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        redact(text, self.root())
    }
}
