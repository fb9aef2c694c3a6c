//! A tree of copied files, and how it is mended after a job: what was laid is known file by file, so
//! what the job added, changed or deleted is seen without reading anything.

use super::{Snapshot, place::TREE, sweeper::Sweeper};
use crate::{
    files::{Cursor, Dir, Kind, Stat, split},
    snapshot::{Entry, Index},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The files of a workspace.
#[derive(Debug)]
pub(super) struct Tree {
    dir: Dir,
    from: Option<Base>,
    index: Index,
    /// What each file of the index was right after it was laid; `None` where it is not laid.
    laid: Vec<Option<Stat>>,
    /// The same for folders, by their paths; that of the root is empty.
    folders: BTreeMap<PathBuf, Stat>,
}

#[derive(Debug)]
struct Base {
    snapshot: Arc<Snapshot>,
    tree: Dir,
}

impl Tree {
    /// Makes an empty one in a job's folder.
    pub(super) fn new(place: &Dir, snapshot: Option<Arc<Snapshot>>) -> io::Result<Self> {
        let name = OsStr::new(TREE);
        place.make(name)?;
        let dir = place.child(name)?;
        let index = match &snapshot {
            Some(snapshot) => Index::read(&snapshot.path)?,
            None => Index::default(),
        };
        let from = match snapshot {
            Some(snapshot) => Some(Base {
                tree: snapshot.tree()?,
                snapshot,
            }),
            None => None,
        };
        Ok(Self {
            laid: vec![None; index.entries.len()],
            folders: BTreeMap::from([(PathBuf::new(), dir.own_stat()?)]),
            index,
            from,
            dir,
        })
    }

    /// The snapshot that it is made from.
    pub(super) fn snapshot(&self) -> Option<&Path> {
        self.from.as_ref().map(|from| from.snapshot.path.as_path())
    }

    /// The files that it may hold.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// Makes it hold exactly the selected files of its snapshot (all without a selection), as they
    /// are there.
    pub(super) fn bring(&mut self, selected: Option<&[bool]>, sweeper: &Sweeper) -> io::Result<()> {
        // On an error it is not known what lies there; nobody uses it again then.
        let mut is_changed = self.take_out_added(sweeper)?;
        is_changed |= self.take_out_changed(selected, sweeper)?;
        is_changed |= self.take_out_unused_folders(selected)?;
        is_changed |= self.lay_missing(selected)?;
        if is_changed {
            self.remember_folders()?;
        }
        Ok(())
    }

    /// Takes out what no one laid. A folder whose stamp is as it was has no entry more or less.
    fn take_out_added(&mut self, sweeper: &Sweeper) -> io::Result<bool> {
        let mut cursor = Cursor::unmounted(&self.dir);
        let mut gone = BTreeSet::new();
        let mut is_changed = false;
        for (path, laid) in &self.folders {
            if path.parent().is_some_and(|parent| gone.contains(parent)) {
                gone.insert(path.clone());
                continue;
            }
            let now = match stat_folder(&mut cursor, &self.dir, path) {
                Ok(now) => now,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    is_changed = true;
                    gone.insert(path.clone());
                    continue;
                }
                Err(error) => return Err(error),
            };
            if now == *laid {
                continue;
            }
            is_changed = true;
            if now.kind != Kind::Folder {
                let (folder, name) = split(path)?;
                cursor.at(folder)?.unlink(name)?;
                gone.insert(path.clone());
                continue;
            }
            if now.mode != laid.mode {
                // Fails for the root, which has no name in itself: all is made anew then.
                let (folder, name) = split(path)?;
                cursor.at(folder)?.set_mode(name, laid.mode)?;
            }
            let dir = cursor.at(path)?;
            for (name, kind) in dir.entries()? {
                let inner = path.join(&name);
                let is_known = match kind {
                    Kind::Folder => self.folders.contains_key(&inner),
                    _ => false,
                } || self
                    .position(&inner)
                    .is_some_and(|i| self.laid[i].is_some());
                match kind {
                    _ if is_known => {}
                    Kind::Folder => sweeper.take_entry(dir, &name)?,
                    _ => dir.unlink(&name)?,
                }
            }
        }
        for path in gone {
            self.folders.remove(&path);
        }
        Ok(is_changed)
    }

    /// Takes out laid files that are not as they were, or not wanted any more.
    fn take_out_changed(
        &mut self,
        selected: Option<&[bool]>,
        sweeper: &Sweeper,
    ) -> io::Result<bool> {
        let mut cursor = Cursor::unmounted(&self.dir);
        let mut is_changed = false;
        for (i, entry) in self.index.entries.iter().enumerate() {
            let Some(laid) = self.laid[i] else { continue };
            let (folder, name) = split(&entry.path)?;
            if !self.folders.contains_key(folder) {
                self.laid[i] = None;
                is_changed = true;
                continue;
            }
            let dir = cursor.at(folder)?;
            let now = match dir.stat(name) {
                Ok(now) => Some(now),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            // A folder's own stamp is looked at with the folders.
            let is_same = now.is_some_and(|now| match entry.kind {
                Kind::Folder => now.kind == Kind::Folder,
                _ => now == laid,
            });
            if is_same && is_wanted(selected, i) {
                continue;
            }
            is_changed = true;
            self.laid[i] = None;
            match now {
                // Goes with the folders that nothing needs.
                Some(now) if now.kind == Kind::Folder && entry.kind == Kind::Folder => {}
                Some(now) if now.kind == Kind::Folder => sweeper.take_entry(dir, name)?,
                Some(_) => dir.unlink(name)?,
                None => {}
            }
        }
        Ok(is_changed)
    }

    /// Takes out folders in which no file is wanted.
    fn take_out_unused_folders(&mut self, selected: Option<&[bool]>) -> io::Result<bool> {
        let Some(selected) = selected else {
            return Ok(false);
        };
        let mut used = BTreeSet::from([Path::new("")]);
        for (i, entry) in self.index.entries.iter().enumerate() {
            if selected[i] {
                let path = match entry.kind {
                    Kind::Folder => Some(entry.path.as_path()),
                    _ => entry.path.parent(),
                };
                for folder in path.into_iter().flat_map(Path::ancestors) {
                    if !used.insert(folder) {
                        break;
                    }
                }
            }
        }
        let unused: Vec<_> = self
            .folders
            .keys()
            .filter(|path| !used.contains(path.as_path()))
            .cloned()
            .collect();
        let mut cursor = Cursor::unmounted(&self.dir);
        // The deepest first.
        for path in unused.iter().rev() {
            let (folder, name) = split(path)?;
            cursor.at(folder)?.unlink_dir(name)?;
            self.folders.remove(path);
        }
        Ok(!unused.is_empty())
    }

    fn lay_missing(&mut self, selected: Option<&[bool]>) -> io::Result<bool> {
        let Some(from) = &self.from else {
            return Ok(false);
        };
        let mut to = Cursor::unmounted(&self.dir);
        let mut from = Cursor::new(&from.tree);
        let mut is_changed = false;
        for (i, entry) in self.index.entries.iter().enumerate() {
            if self.laid[i].is_some() || !is_wanted(selected, i) {
                continue;
            }
            is_changed = true;
            let (folder, name) = split(&entry.path)?;
            for path in folder.ancestors() {
                if self.folders.contains_key(path) {
                    break;
                }
                // What the system knows of it is asked when all is laid.
                self.folders.insert(path.to_owned(), UNKNOWN);
            }
            let laid = lay(entry, from.at(folder)?, to.make(folder)?, name)?;
            if entry.kind == Kind::Folder {
                self.folders.insert(entry.path.clone(), UNKNOWN);
            }
            self.laid[i] = Some(laid);
        }
        Ok(is_changed)
    }

    fn remember_folders(&mut self) -> io::Result<()> {
        let mut cursor = Cursor::unmounted(&self.dir);
        for (path, stat) in &mut self.folders {
            *stat = stat_folder(&mut cursor, &self.dir, path)?;
        }
        Ok(())
    }

    fn position(&self, path: &Path) -> Option<usize> {
        self.index
            .entries
            .binary_search_by(|entry| entry.path.as_os_str().cmp(path.as_os_str()))
            .ok()
    }
}

/// Stands for a folder that was made and not looked at yet.
const UNKNOWN: Stat = Stat {
    kind: Kind::Folder,
    mode: 0,
    stamp: crate::files::Stamp::ZERO,
};

fn is_wanted(selected: Option<&[bool]>, i: usize) -> bool {
    selected.is_none_or(|selected| selected[i])
}

fn stat_folder(cursor: &mut Cursor<'_>, root: &Dir, path: &Path) -> io::Result<Stat> {
    match path.as_os_str().is_empty() {
        true => root.own_stat(),
        false => {
            let (folder, name) = split(path)?;
            cursor.at(folder)?.stat(name)
        }
    }
}

fn lay(entry: &Entry, from: &Dir, to: &Dir, name: &OsStr) -> io::Result<Stat> {
    match entry.kind {
        Kind::File => {
            let (file, like) = from.read(name)?;
            to.copy_in(name, &file, &like)
        }
        Kind::Link => {
            to.link_to(name, &from.read_link(name)?)?;
            to.stat(name)
        }
        Kind::Folder | Kind::Other => {
            match to.make(name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            to.stat(name)
        }
    }
}
