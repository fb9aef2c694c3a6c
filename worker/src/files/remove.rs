//! Deleting what steps have left, whatever it is: folders without permissions, a million files, paths
//! deeper than a process may have open files. Nothing behind a link or a mount is ever touched.

use super::{Dir, Kind, PRIVATE_MODE};
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
                from.set_mode(name, PRIVATE_MODE)?;
                from.rename(name, &self.dir, &here)?;
            }
            other => other?,
        }
        Ok(here)
    }

    /// Deletes one thing that was moved here, until `go_on` says no.
    pub(crate) fn delete(&self, name: &OsStr, go_on: &mut dyn FnMut() -> bool) -> io::Result<()> {
        remove(&self.dir, name, go_on)
    }

    /// Deletes everything here, also what ended processes left, until `go_on` says no.
    pub(crate) fn empty(&self, mut go_on: impl FnMut() -> bool) -> io::Result<()> {
        let mut first = Ok(());
        for (name, _) in self.dir.entries()? {
            if !go_on() {
                break;
            }
            first = first.and(self.delete(&name, &mut go_on));
        }
        first
    }

    fn name() -> OsString {
        let n = N_NAMED.fetch_add(1, Ordering::Relaxed);
        format!("{}.{n}", std::process::id()).into()
    }
}

/// Deletes an entry of `parent`, with all that is below it, until `go_on` says no. Goes on after an
/// error, and tells the first one.
pub(crate) fn remove(
    parent: &Dir,
    name: &OsStr,
    go_on: &mut dyn FnMut() -> bool,
) -> io::Result<()> {
    let mut remover = Remover {
        top: parent,
        waiting: vec![name.to_owned()],
        go_on,
    };
    let mut first = Ok(());
    while let Some(name) = remover.waiting.pop() {
        let kind = match parent.stat(&name) {
            Ok(stat) => stat.kind,
            // Another process deletes here too.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                first = first.and(Err(error));
                continue;
            }
        };
        first = first.and(remover.level(parent, &name, kind, 0));
    }
    first
}

struct Remover<'a> {
    top: &'a Dir,
    /// What lay too deep and was moved to the top.
    waiting: Vec<OsString>,
    go_on: &'a mut dyn FnMut() -> bool,
}

impl Remover<'_> {
    fn level(&mut self, parent: &Dir, name: &OsStr, kind: Kind, depth: usize) -> io::Result<()> {
        if kind != Kind::Folder {
            return unless_gone(parent.unlink(name));
        }
        let dir = match parent.child_unmounted(name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                parent.set_mode(name, PRIVATE_MODE)?;
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
            let moved = parent.rename(name, self.top, &here);
            self.waiting.push(here);
            return unless_gone(moved);
        }
        let mut first = Ok(());
        let mut is_writable = false;
        let entries = match dir.entries() {
            Ok(entries) => entries,
            Err(error) => return unless_gone(Err(error)),
        };
        for (inner, kind) in entries {
            if !(self.go_on)() {
                // The rest is found where it lies.
                self.waiting.clear();
                return first;
            }
            let mut done = self.level(&dir, &inner, kind, depth + 1);
            if !is_writable && is_denied(&done) {
                // The folder itself can't be written: made writable once, and tried again.
                is_writable = true;
                parent.set_mode(name, PRIVATE_MODE)?;
                done = self.level(&dir, &inner, kind, depth + 1);
            }
            first = first.and(done);
        }
        first.and_then(|()| match parent.unlink_dir(name) {
            // Not emptied, since it was told to stop.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && !(self.go_on)() => {
                Ok(())
            }
            other => unless_gone(other),
        })
    }
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
