//! Making a snapshot: what there is, what has changed since the last one, and the copying.

use super::{
    Origin, Snapshot, SnapshotError,
    index::{self, Entry, Index},
    store::{self, LOCK, Last, TREE},
};
use crate::files::{Cursor, Dir, Kind, Stamp, Stat, Time, Trash, is_absent, split};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    thread,
};

/// How close to the copy a change may lie to be taken for unsettled: the clock that stamps files
/// advances in ticks of up to 10 ms, and a second change within a tick leaves no trace.
const TICK_MS: u32 = 20;

/// How often a file is copied again that changed meanwhile, before it is taken as it is.
const MAX_COPIES: u32 = 3;

/// From how many files on the work is shared among threads; below, starting them takes longer.
const MIN_SHARED: usize = 512;

/// How many threads copy at the most: past that the file system is the limit.
const MAX_THREADS: usize = 8;

/// How many warnings about single files are given one by one.
const MAX_WARNINGS: usize = 20;

/// The tree as it is now.
#[derive(Debug)]
pub(super) struct Survey {
    started: Time,
    entries: Vec<Entry>,
    warnings: Vec<String>,
}

/// Looks at every file of the list.
pub(super) fn survey(
    tree: &Dir,
    list: Vec<PathBuf>,
    started: Time,
) -> Result<Survey, SnapshotError> {
    let parts = in_parts(&list, |part| {
        let mut seen = Seen::default();
        let mut cursor = Cursor::new(tree);
        for path in part {
            seen.look(&mut cursor, path, started)?;
        }
        Ok(seen)
    })?;
    let mut all = Seen::default();
    for part in parts {
        all.entries.extend(part.entries);
        all.warnings.extend(part.warnings);
    }
    Ok(Survey {
        started,
        entries: all.entries,
        warnings: all.warnings,
    })
}

#[derive(Debug, Default)]
struct Seen {
    entries: Vec<Entry>,
    warnings: Vec<String>,
}

impl Seen {
    fn look(
        &mut self,
        at: &mut Cursor<'_>,
        path: &Path,
        started: Time,
    ) -> Result<(), SnapshotError> {
        let read = |source| SnapshotError::Read {
            path: path.to_owned(),
            source,
        };
        let found = split(path).and_then(|(folder, name)| at.at(folder)?.stat(name));
        match found {
            Ok(stat) if stat.kind == Kind::Other => self.warnings.push(format!(
                "`{}` is neither file, folder nor link, and no job gets it",
                path.display()
            )),
            Ok(stat) => self.entries.push(entry(path.to_owned(), &stat, started)),
            // Tracked, but deleted; or behind what is a link now.
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(read(error)),
        }
        Ok(())
    }
}

fn entry(path: PathBuf, stat: &Stat, started: Time) -> Entry {
    let stamp = match stat.kind {
        // That of a folder changes with what it has; the files in it are what counts.
        Kind::Folder => Stamp::default(),
        _ => stat.stamp,
    };
    Entry {
        path,
        kind: stat.kind,
        mode: match stat.kind {
            Kind::File => stat.mode,
            _ => 0,
        },
        is_settled: stamp.changed.max(stamp.modified) < started.minus_millis(TICK_MS),
        stamp,
    }
}

/// Makes the snapshot, or finds that the last one is still right. `None`: another process took the
/// last one away meanwhile, and all has to be decided again.
pub(super) fn build(
    root: &Path,
    snapshots: &Path,
    survey: &Survey,
    last: Option<Last>,
) -> Result<Option<Snapshot>, SnapshotError> {
    let write = |source| SnapshotError::Write {
        path: snapshots.to_owned(),
        source,
    };
    let Some(last) = last else {
        return new(root, snapshots, survey, None).map(Some);
    };
    if is_same(&last.index, survey) {
        if !last.share().map_err(write)? {
            return Ok(None);
        }
        return Ok(Some(Snapshot {
            n_files: last.index.n_files(),
            n_bytes: last.index.n_bytes(),
            path: last.path,
            origin: Origin::Same,
            warnings: survey.warnings.clone(),
            lock: last.lock,
        }));
    }
    // On Windows a folder with an open file, its lock, can't be moved.
    match last.is_alone && cfg!(unix) {
        true => update(root, snapshots, survey, last),
        false => new(root, snapshots, survey, Some(&last)).map(Some),
    }
}

fn is_same(index: &Index, survey: &Survey) -> bool {
    index.entries.len() == survey.entries.len()
        && index
            .entries
            .iter()
            .zip(&survey.entries)
            .all(|(old, now)| old.path == now.path && old.is_same(now))
}

/// A folder that becomes a snapshot. It goes to the trash where it doesn't.
struct Building {
    snapshots: Dir,
    name: std::ffi::OsString,
    path: PathBuf,
    is_done: bool,
}

impl Building {
    fn new(snapshots: &Path) -> io::Result<Self> {
        let name = store::building_name();
        Ok(Self {
            snapshots: Dir::open(snapshots)?,
            path: snapshots.join(&name),
            name,
            is_done: false,
        })
    }

    fn publish(mut self, snapshots: &Path, after: u64) -> io::Result<PathBuf> {
        let path = store::publish(snapshots, &self.name, after)?;
        self.is_done = true;
        Ok(path)
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.is_done
            && let Some(snapshots) = self.path.parent()
        {
            // Whatever fails here is found by the next sweep.
            let _ = Trash::below(snapshots)
                .and_then(|trash| trash.take(&self.snapshots, &self.name))
                .map(drop);
        }
    }
}

/// Makes a snapshot in a new folder. What didn't change gets a second name where the last snapshot
/// has it: nobody writes to either.
fn new(
    root: &Path,
    snapshots: &Path,
    survey: &Survey,
    last: Option<&Last>,
) -> Result<Snapshot, SnapshotError> {
    let failed = |source| SnapshotError::Write {
        path: snapshots.to_owned(),
        source,
    };
    let building = Building::new(snapshots).map_err(failed)?;
    let (folder, tree, lock) = (|| {
        building.snapshots.make_private(&building.name)?;
        let folder = Dir::open(&building.path)?;
        folder.make(OsStr::new(TREE))?;
        let tree = folder.child(OsStr::new(TREE))?;
        let lock = folder.create(OsStr::new(LOCK), 0o600)?;
        lock.lock_shared()?;
        Ok((folder, tree, lock))
    })()
    .map_err(failed)?;
    let old = match last {
        Some(last) => Some((
            Dir::open(&last.path.join(TREE)).map_err(failed)?,
            &last.index,
        )),
        None => None,
    };
    let from = Sources {
        root: Dir::open(root).map_err(failed)?,
        old: old.as_ref().map(|(tree, index)| (tree, *index)),
        started: survey.started,
    };
    let (index, copied) = copy(&from, &tree, survey, &building.path)?;
    index.write(&folder).map_err(failed)?;
    let path = building.publish(snapshots, 0).map_err(failed)?;
    Ok(Snapshot {
        path,
        n_files: index.n_files(),
        n_bytes: index.n_bytes(),
        origin: Origin::New {
            n_copied: copied.n_copied,
        },
        warnings: copied.warnings,
        lock,
    })
}

/// Brings the last snapshot, which nobody else uses, up to date in its place.
fn update(
    root: &Path,
    snapshots: &Path,
    survey: &Survey,
    last: Last,
) -> Result<Option<Snapshot>, SnapshotError> {
    let failed = |source| SnapshotError::Write {
        path: snapshots.to_owned(),
        source,
    };
    let building = Building::new(snapshots).map_err(failed)?;
    // From here on it is no snapshot: whoever looks for the newest one doesn't find it.
    building
        .snapshots
        .rename(&last.name, &building.snapshots, &building.name)
        .map_err(failed)?;
    let (folder, tree) = (|| {
        let folder = Dir::open(&building.path)?;
        folder.unlink(OsStr::new(Index::NAME))?;
        let tree = folder.child(OsStr::new(TREE))?;
        take_out_changed(&tree, &last.index, survey)?;
        Ok((folder, tree))
    })()
    .map_err(failed)?;
    let from = Sources {
        root: Dir::open(root).map_err(failed)?,
        old: Some((&tree, &last.index)),
        started: survey.started,
    };
    let (index, copied) = copy(&from, &tree, survey, &building.path)?;
    index.write(&folder).map_err(failed)?;
    let path = building.publish(snapshots, last.number).map_err(failed)?;
    let last = Last { path, ..last };
    if !last.share().map_err(failed)? {
        return Ok(None);
    }
    Ok(Some(Snapshot {
        path: last.path,
        n_files: index.n_files(),
        n_bytes: index.n_bytes(),
        origin: Origin::Updated {
            n_copied: copied.n_copied,
        },
        warnings: copied.warnings,
        lock: last.lock,
    }))
}

/// Deletes what is gone or will be copied anew, and the folders that are empty then.
fn take_out_changed(tree: &Dir, old: &Index, survey: &Survey) -> io::Result<()> {
    let mut cursor = Cursor::new(tree);
    let mut folders = BTreeSet::new();
    let mut now = survey.entries.iter().peekable();
    for entry in &old.entries {
        while now
            .next_if(|now| order(&now.path, &entry.path).is_lt())
            .is_some()
        {}
        let is_kept = now
            .peek()
            .is_some_and(|now| now.path == entry.path && entry.is_same(now));
        if is_kept {
            continue;
        }
        let (folder, name) = split(&entry.path)?;
        match entry.kind {
            Kind::Folder => {
                folders.insert(entry.path.as_path());
            }
            _ => {
                cursor.at(folder)?.unlink(name)?;
                folders.insert(folder);
            }
        }
    }
    // The deepest first; a folder that still has something stays.
    while let Some(path) = folders.pop_last() {
        if path.as_os_str().is_empty() {
            continue;
        }
        let (folder, name) = split(path)?;
        if cursor.at(folder)?.unlink_dir(name).is_ok() {
            folders.insert(folder);
        }
    }
    Ok(())
}

/// Where the files of a new snapshot come from.
struct Sources<'a> {
    root: Dir,
    old: Option<(&'a Dir, &'a Index)>,
    started: Time,
}

#[derive(Debug, Default)]
struct Copied {
    entries: Vec<Entry>,
    n_copied: u64,
    warnings: Vec<String>,
}

/// Lays every file of the survey into `tree`, except those that lie there already.
fn copy(
    from: &Sources<'_>,
    tree: &Dir,
    survey: &Survey,
    to: &Path,
) -> Result<(Index, Copied), SnapshotError> {
    let parts = in_parts(&survey.entries, |part| {
        let mut copier = Copier {
            root: Cursor::new(&from.root),
            tree: Cursor::new(tree),
            old: from.old.map(|(old, _)| Cursor::new(old)),
            // Bringing it up to date in its place: what didn't change is there.
            is_in_place: from.old.is_some_and(|(old, _)| std::ptr::eq(old, tree)),
            started: from.started,
            to,
            done: Copied::default(),
        };
        let mut old = from
            .old
            .map_or(&[][..], |(_, index)| &index.entries)
            .iter()
            .peekable();
        for now in part {
            while old
                .next_if(|old| order(&old.path, &now.path).is_lt())
                .is_some()
            {}
            let same = old
                .peek()
                .is_some_and(|old| old.path == now.path && old.is_same(now));
            copier.lay(now, same)?;
        }
        Ok(copier.done)
    })?;
    let mut all = Copied {
        warnings: survey.warnings.clone(),
        ..Copied::default()
    };
    for part in parts {
        all.entries.extend(part.entries);
        all.n_copied += part.n_copied;
        all.warnings.extend(part.warnings);
    }
    if all.warnings.len() > MAX_WARNINGS {
        let n_more = all.warnings.len() - MAX_WARNINGS;
        all.warnings.truncate(MAX_WARNINGS);
        all.warnings
            .push(format!("the same of {n_more} more files"));
    }
    let index = Index {
        boot: index::boot(),
        entries: std::mem::take(&mut all.entries),
    };
    Ok((index, all))
}

struct Copier<'a> {
    root: Cursor<'a>,
    tree: Cursor<'a>,
    old: Option<Cursor<'a>>,
    is_in_place: bool,
    started: Time,
    to: &'a Path,
    done: Copied,
}

impl Copier<'_> {
    fn lay(&mut self, now: &Entry, is_same: bool) -> Result<(), SnapshotError> {
        let (folder, name) = split(&now.path).map_err(|source| self.read(now, source))?;
        if is_same && self.is_in_place {
            self.done.entries.push(now.clone());
            return Ok(());
        }
        let to = self
            .tree
            .make(folder)
            .map_err(|source| SnapshotError::Write {
                path: self.to.join(&now.path),
                source,
            })?;
        if is_same
            && now.kind == Kind::File
            && let Some(old) = &mut self.old
            && let Ok(old) = old.at(folder)
            // Fails past the most links that a file may have: then it is copied.
            && to.link_in(name, old, name).is_ok()
        {
            self.done.entries.push(now.clone());
            return Ok(());
        }
        match now.kind {
            Kind::File => self.copy(now, folder, name),
            Kind::Link => self.link(now, folder, name),
            Kind::Folder | Kind::Other => {
                match to.make(name) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(self.write(now, error));
                    }
                    _ => self.done.entries.push(now.clone()),
                }
                Ok(())
            }
        }
    }

    fn copy(&mut self, now: &Entry, folder: &Path, name: &OsStr) -> Result<(), SnapshotError> {
        for n in 1..=MAX_COPIES {
            let opened = self.root.at(folder).and_then(|dir| dir.read(name));
            let (file, before) = match opened {
                Ok(opened) => opened,
                Err(error) if is_absent(&error) => return Ok(()),
                Err(error) => return Err(self.read(now, error)),
            };
            let to = self
                .tree
                .at(folder)
                .map_err(|source| unwritten(self.to, now, source))?;
            to.copy_in(name, &file, &before)
                .map_err(|source| unwritten(self.to, now, source))?;
            let is_settled = Stat::of(&file).map_err(|source| SnapshotError::Read {
                path: now.path.clone(),
                source,
            })? == before;
            if !is_settled && n < MAX_COPIES {
                to.unlink(name)
                    .map_err(|source| unwritten(self.to, now, source))?;
                continue;
            }
            if !is_settled {
                self.done.warnings.push(format!(
                    "`{}` was written to while it was copied: the jobs see a state in between",
                    now.path.display()
                ));
            }
            let mut copied = entry(now.path.clone(), &before, self.started);
            copied.is_settled &= is_settled;
            self.done.entries.push(copied);
            self.done.n_copied += 1;
            return Ok(());
        }
        Ok(())
    }

    fn link(&mut self, now: &Entry, folder: &Path, name: &OsStr) -> Result<(), SnapshotError> {
        let target = self.root.at(folder).and_then(|dir| dir.read_link(name));
        let target = match target {
            Ok(target) => target,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(self.read(now, error)),
        };
        self.tree
            .at(folder)
            .and_then(|dir| dir.link_to(name, &target))
            .map_err(|source| self.write(now, source))?;
        self.done.entries.push(now.clone());
        self.done.n_copied += 1;
        Ok(())
    }

    fn read(&self, entry: &Entry, source: io::Error) -> SnapshotError {
        SnapshotError::Read {
            path: entry.path.clone(),
            source,
        }
    }

    fn write(&self, entry: &Entry, source: io::Error) -> SnapshotError {
        unwritten(self.to, entry, source)
    }
}

fn unwritten(to: &Path, entry: &Entry, source: io::Error) -> SnapshotError {
    SnapshotError::Write {
        path: to.join(TREE).join(&entry.path),
        source,
    }
}

fn order(a: &Path, b: &Path) -> std::cmp::Ordering {
    a.as_os_str().cmp(b.as_os_str())
}

/// Does the work on parts of `items`, on several threads where it is much, and answers the parts'
/// results in order.
fn in_parts<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&[T]) -> Result<R, SnapshotError> + Sync,
) -> Result<Vec<R>, SnapshotError> {
    let n_threads = match items.len() < MIN_SHARED {
        true => 1,
        false => thread::available_parallelism().map_or(1, |n| n.get().min(MAX_THREADS)),
    };
    if n_threads == 1 {
        return Ok(vec![work(items)?]);
    }
    thread::scope(|scope| {
        let threads: Vec<_> = items
            .chunks(items.len().div_ceil(n_threads))
            .map(|part| scope.spawn(|| work(part)))
            .collect();
        threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}
