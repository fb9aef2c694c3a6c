//! A folder and the open folders on the way down to the one that was used last: paths that come in
//! order cost one open per folder.

use super::Dir;
use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
};

/// How many folders on the way down are kept open; paths deeper than that are opened from there each
/// time. Far below the least limit on open files (1,024), with several cursors at work.
const MAX_OPEN: usize = 32;

/// Opens folders below a root, never through a symbolic link.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    root: &'a Dir,
    child: fn(&Dir, &OsStr) -> io::Result<Dir>,
    open: Vec<(OsString, Dir)>,
    /// Below the open ones, when a path is deeper than [`MAX_OPEN`].
    deep: Option<Dir>,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(root: &'a Dir) -> Self {
        Self::with(root, Dir::child)
    }

    /// One that doesn't enter what is mounted below the root: for deleting.
    pub(crate) fn unmounted(root: &'a Dir) -> Self {
        Self::with(root, Dir::child_unmounted)
    }

    fn with(root: &'a Dir, child: fn(&Dir, &OsStr) -> io::Result<Dir>) -> Self {
        Self {
            root,
            child,
            open: Vec::new(),
            deep: None,
        }
    }

    /// The folder at this path, which must be there.
    pub(crate) fn at(&mut self, folder: &Path) -> io::Result<&Dir> {
        let child = self.child;
        self.walk(folder, child)
    }

    /// The folder at this path, made where it is missing.
    pub(crate) fn make(&mut self, folder: &Path) -> io::Result<&Dir> {
        let child = self.child;
        self.walk(folder, |dir, name| match child(dir, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match dir.make(name) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(error);
                    }
                    _ => {}
                }
                child(dir, name)
            }
            other => other,
        })
    }

    fn walk(
        &mut self,
        folder: &Path,
        mut open: impl FnMut(&Dir, &OsStr) -> io::Result<Dir>,
    ) -> io::Result<&Dir> {
        let mut names = folder.iter();
        let mut n_same = 0;
        let mut next = names.next();
        while let (Some(name), Some((have, _))) = (next, self.open.get(n_same)) {
            if name != have {
                break;
            }
            n_same += 1;
            next = names.next();
        }
        self.open.truncate(n_same);
        self.deep = None;
        while let Some(name) = next {
            let last = self.deep.as_ref().or(self.open.last().map(|(_, dir)| dir));
            let dir = open(last.unwrap_or(self.root), name)?;
            if self.open.len() < MAX_OPEN {
                self.open.push((name.to_owned(), dir));
            } else {
                self.deep = Some(dir);
            }
            next = names.next();
        }
        let last = self.deep.as_ref().or(self.open.last().map(|(_, dir)| dir));
        Ok(last.unwrap_or(self.root))
    }
}
