//! A store and a source tree in a folder of their own, and what is in a folder as text.

use model::spec::{Needed, Sources};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;
use worker::{
    Dirs,
    blobs::Blobs,
    snapshot::Snapshot,
    workspace::{Request, Source, Workspace, WorkspaceError, Workspaces},
};

pub(crate) struct Kit {
    _folder: TempDir,
    pub(crate) tree: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) dirs: Dirs,
    pub(crate) blobs: Blobs,
}

impl Kit {
    /// With a folder that is no git repository.
    pub(crate) fn plain(files: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (tree, store) = (folder.path().join("tree"), folder.path().join("store"));
        fs::create_dir(&tree).unwrap();
        let dirs = Dirs::below(&store);
        let kit = Self {
            blobs: Blobs::new(dirs.blobs.clone(), false),
            _folder: folder,
            tree,
            store,
            dirs,
        };
        for file in files {
            kit.write(file, file);
        }
        kit
    }

    /// With a git repository in which these are added.
    pub(crate) fn git(files: &[&str]) -> Self {
        let kit = Self::plain(files);
        kit.run_git(&["init", "-q"]);
        kit.run_git(&["add", "-A"]);
        kit
    }

    pub(crate) fn run_git(&self, args: &[&str]) {
        git(&self.tree, args);
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Makes every file of the tree old enough to be believed unchanged by its times.
    pub(crate) fn settle(&self) {
        // The times that can't be set are those that count: waited for, with the clock itself.
        let file = self.store.with_file_name("clock");
        let newest = newest_change(&self.tree);
        loop {
            fs::write(&file, "").unwrap();
            let now = fs::metadata(&file).unwrap();
            if (now.ctime(), now.ctime_nsec() - 30_000_000) > newest {
                return;
            }
            std::thread::yield_now();
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.tree, &self.dirs.snapshots, &self.store).unwrap()
    }

    pub(crate) fn workspaces(&self) -> Workspaces {
        Workspaces::new(self.dirs.work.clone(), self.blobs.clone())
    }

    pub(crate) fn prepare(
        &self,
        workspaces: &mut Workspaces,
        key: &str,
        snapshot: &Snapshot,
    ) -> Workspace {
        let source = Source::Snapshot(snapshot.path().to_owned());
        workspaces
            .prepare(&Request {
                key,
                source: &source,
                sources: &whole(),
            })
            .unwrap()
    }
}

/// All of the source tree.
pub(crate) fn whole() -> Sources {
    Sources {
        checkout: true,
        ..Sources::default()
    }
}

/// An empty workspace with what one job produced.
pub(crate) fn needs(needs: &[(&str, Option<&str>, &str)]) -> Sources {
    Sources {
        needs: needs
            .iter()
            .map(|(job, below, manifest)| Needed {
                job: (*job).to_owned(),
                below: below.map(str::to_owned),
                manifest: (*manifest).to_owned(),
            })
            .collect(),
        ..Sources::default()
    }
}

pub(crate) fn message(error: &WorkspaceError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

pub(crate) fn git(folder: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {done:?}");
}

/// All that is below a folder, one line each: mode, path, and the content or the link's target.
/// Without `.git`.
pub(crate) fn list(folder: &Path) -> String {
    let mut lines = Vec::new();
    each(folder, &mut |path, data| {
        let name = path.strip_prefix(folder).unwrap();
        let name = name.as_os_str().as_bytes().escape_ascii();
        let mode = data.mode() & 0o777;
        lines.push(if data.is_symlink() {
            format!("{name} -> {}", fs::read_link(path).unwrap().display())
        } else if data.is_dir() {
            format!("{name}/ {mode:o}")
        } else {
            let content = fs::read(path).unwrap();
            format!("{name} {mode:o} {}", content.escape_ascii())
        });
    });
    lines.sort();
    lines.join("\n")
}

/// The same with every time, inode and number of links: equal means untouched.
pub(crate) fn fingerprint(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    each(folder, &mut |path, data| {
        let times = (
            data.mtime(),
            data.mtime_nsec(),
            data.ctime(),
            data.ctime_nsec(),
        );
        let content = match data.is_file() {
            true => fs::read(path).unwrap(),
            false => Vec::new(),
        };
        lines.push(format!(
            "{path:?} {:o} {} {} {times:?} {content:?}",
            data.mode(),
            data.ino(),
            data.nlink()
        ));
    });
    lines.sort();
    lines
}

fn newest_change(folder: &Path) -> (i64, i64) {
    let mut newest = (0, 0);
    each(folder, &mut |_, data| {
        newest = newest.max((data.ctime(), data.ctime_nsec()));
    });
    newest
}

fn each(folder: &Path, see: &mut dyn FnMut(&Path, &fs::Metadata)) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == OsStr::new(".git") {
            continue;
        }
        let data = entry.path().symlink_metadata().unwrap();
        see(&entry.path(), &data);
        if data.is_dir() {
            each(&entry.path(), see);
        }
    }
}
