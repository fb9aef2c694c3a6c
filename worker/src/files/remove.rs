//! Deleting what steps have left, whatever it is: folders without permissions, a million files, paths
//! deeper than a process may have open files. Nothing behind a link or a mount is ever touched.

use super::{Dir, Kind};
use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// How deep one pass descends; what lies deeper is moved up and deleted by a pass of its own. It
/// bounds the stack and the open files.
const MAX_DEPTH: usize = 64;

/// A folder in which things wait for being deleted: moving one there is a rename, whatever its size.
#[derive(Debug)]
pub(crate) struct Trash {
    dir: Dir,
}

/// Names in the trash must differ among the threads of a process; the process id is in them too.
static N_NAMED: AtomicU64 = AtomicU64::new(0);

impl Trash {
    /// The name of the trash in a folder of the store.
    pub(crate) const NAME: &'static str = ".trash";

    /// The trash in this folder, made where it is missing.
    pub(crate) fn below(folder: &Path) -> io::Result<Self> {
        let path = folder.join(Self::NAME);
        let dir = match Dir::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(&path)?;
                Dir::open(&path)?
            }
            other => other?,
        };
        Ok(Self { dir })
    }

    /// Moves an entry of `from` here, and tells under which name.
    pub(crate) fn take(&self, from: &Dir, name: &OsStr) -> io::Result<OsString> {
        let here = Self::name();
        match from.rename(name, &self.dir, &here) {
            // A folder that can't be written can't be moved to another one, since its `..` changes.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                from.set_mode(name, 0o700)?;
                from.rename(name, &self.dir, &here)?;
            }
            other => other?,
        }
        Ok(here)
    }

    /// Deletes one thing that was moved here.
    pub(crate) fn delete(&self, name: &OsStr) -> io::Result<()> {
        remove(&self.dir, name)
    }

    /// Deletes everything here, also what ended processes left, until `go_on` says no.
    pub(crate) fn empty(&self, mut go_on: impl FnMut() -> bool) -> io::Result<()> {
        let mut first = Ok(());
        for (name, _) in self.dir.entries()? {
            if !go_on() {
                break;
            }
            first = first.and(self.delete(&name));
        }
        first
    }

    fn name() -> OsString {
        let n = N_NAMED.fetch_add(1, Ordering::Relaxed);
        format!("{}.{n}", std::process::id()).into()
    }
}

/// Deletes an entry of `parent`, with all that is below it. Goes on after an error, and tells the
/// first one.
pub(crate) fn remove(parent: &Dir, name: &OsStr) -> io::Result<()> {
    let mut waiting = vec![name.to_owned()];
    let mut first = Ok(());
    while let Some(name) = waiting.pop() {
        let kind = match parent.stat(&name) {
            Ok(stat) => stat.kind,
            // Another process deletes here too.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                first = first.and(Err(error));
                continue;
            }
        };
        let done = remove_level(parent, parent, &name, kind, 0, &mut waiting);
        first = first.and(done);
    }
    first
}

fn remove_level(
    top: &Dir,
    parent: &Dir,
    name: &OsStr,
    kind: Kind,
    depth: usize,
    waiting: &mut Vec<OsString>,
) -> io::Result<()> {
    if kind != Kind::Folder {
        return unless_gone(parent.unlink(name));
    }
    let dir = match parent.child_unmounted(name) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            parent.set_mode(name, 0o700)?;
            parent.child_unmounted(name)
        }
        other => other,
    };
    let dir = match dir {
        Ok(dir) => dir,
        Err(error) => return unless_gone(Err(error)),
    };
    if depth == MAX_DEPTH {
        let here = Trash::name();
        parent.rename(name, top, &here)?;
        waiting.push(here);
        return Ok(());
    }
    let mut first = Ok(());
    let mut is_writable = false;
    for (inner, kind) in dir.entries()? {
        let mut done = remove_level(top, &dir, &inner, kind, depth + 1, waiting);
        if !is_writable && is_denied(&done) {
            // The folder itself can't be written: made writable once, and tried again.
            is_writable = true;
            parent.set_mode(name, 0o700)?;
            done = remove_level(top, &dir, &inner, kind, depth + 1, waiting);
        }
        first = first.and(done);
    }
    first.and_then(|()| unless_gone(parent.unlink_dir(name)))
}

fn is_denied(done: &io::Result<()>) -> bool {
    matches!(done, Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
}

fn unless_gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
