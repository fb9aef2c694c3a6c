//! A job's folder in `work/`: its tree, its home, its temporary files.

use super::{
    Snapshot, Wanted, WorkspaceError, claim::Claim, overlay::Overlay, select, sweeper::Sweeper,
    tree::Tree,
};
use crate::files::{Dir, Kind, PRIVATE_MODE, Stamp};
use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The folder of the workspace itself.
pub(super) const TREE: &str = "tree";
/// The folder that is the job's `HOME`.
pub(super) const HOME: &str = "home";
/// The folder that is the job's `TMPDIR`.
pub(super) const TMP: &str = "tmp";

/// How many jobs of one name may run on a worker at one time. Far more than a machine has slots.
const MAX_SAME: u32 = 1024;

/// How often a name is tried again that another process leaves at this moment.
const MAX_TRIES: u32 = 8;

/// A job's folder, which this process holds.
#[derive(Debug)]
pub(super) struct Place {
    work_path: PathBuf,
    work: Arc<Dir>,
    name: OsString,
    claim: Option<Claim>,
    dir: Dir,
    home: Stamp,
    tmp: Stamp,
    pub(super) content: Content,
}

/// What the tree of a folder is.
#[derive(Debug)]
pub(super) enum Content {
    /// There is none.
    Bare,
    /// Files of its own.
    Copied(Tree),
    /// A mount.
    Overlay(Overlay),
}

impl Place {
    /// Makes a new folder under a name that only this process uses.
    pub(super) fn new(work_path: &Path) -> io::Result<Self> {
        let work = match Dir::open(work_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(work_path)?;
                Dir::open(work_path)?
            }
            other => other?,
        };
        let name = private_name();
        work.make_private(&name)?;
        let dir = work.child(&name)?;
        dir.try_hold()?;
        let (home, tmp) = (make_empty(&dir, HOME)?, make_empty(&dir, TMP)?);
        Ok(Self {
            work_path: work_path.to_owned(),
            work: Arc::new(work),
            name,
            claim: None,
            dir,
            home,
            tmp,
            content: Content::Bare,
        })
    }

    /// Where it is now.
    pub(super) fn path(&self) -> PathBuf {
        self.work_path.join(&self.name)
    }

    /// Brings its tree to what is wanted, whatever the last job did to it. `false`: not from what
    /// there is.
    pub(super) fn fill(
        &mut self,
        wanted: &Wanted<'_>,
        sweeper: &Sweeper,
        warnings: &mut Vec<String>,
    ) -> Result<bool, WorkspaceError> {
        let path = self.path();
        let failed = |source| WorkspaceError::Prepare {
            path: path.join(TREE),
            source,
        };
        match (&mut self.content, wanted) {
            (Content::Bare, Wanted::Nothing) => Ok(true),
            (Content::Bare, Wanted::Empty) => {
                self.content = Content::Copied(Tree::new(&self.dir, None).map_err(failed)?);
                Ok(true)
            }
            (Content::Bare, Wanted::Overlay(snapshot)) => {
                if let Some(overlay) = Overlay::mount(snapshot, &self.dir, &path) {
                    self.content = Content::Overlay(overlay);
                    return Ok(true);
                }
                let copies = Wanted::Copies(Arc::clone(snapshot), None);
                self.fill(&copies, sweeper, warnings)
            }
            (Content::Bare, Wanted::Copies(snapshot, _)) => {
                let tree = Tree::new(&self.dir, Some(Arc::clone(snapshot))).map_err(failed)?;
                self.content = Content::Copied(tree);
                self.fill(wanted, sweeper, warnings)
            }
            (Content::Copied(tree), Wanted::Empty) => {
                if tree.snapshot().is_some() {
                    return Ok(false);
                }
                tree.bring(None, sweeper).map_err(failed)?;
                Ok(true)
            }
            // Where the system has refused the overlay before.
            (Content::Copied(tree), Wanted::Overlay(snapshot)) => {
                mend(tree, snapshot, None, sweeper, warnings, failed)
            }
            (Content::Copied(tree), Wanted::Copies(snapshot, globs)) => {
                mend(tree, snapshot, *globs, sweeper, warnings, failed)
            }
            (Content::Overlay(overlay), Wanted::Overlay(snapshot)) => {
                Ok(overlay.is_on(snapshot) && overlay.is_unchanged().map_err(failed)?)
            }
            (Content::Overlay(_), _) | (Content::Copied(_), Wanted::Nothing) => Ok(false),
        }
    }

    /// Gives it the job's name, or, while another job has that, a numbered one.
    pub(super) fn settle(&mut self, name: &OsStr, sweeper: &Sweeper) -> Result<(), WorkspaceError> {
        let path = self.work_path.join(name);
        for n in 1..=MAX_SAME {
            let mut name = name.to_owned();
            if n > 1 {
                // No name of a job has this character.
                name.push(format!("@{n}"));
            }
            let done = self.try_settle(&name, sweeper);
            match done {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(source) => {
                    return Err(WorkspaceError::Prepare {
                        path: self.work_path.join(name),
                        source,
                    });
                }
            }
        }
        Err(WorkspaceError::Crowded { path, n: MAX_SAME })
    }

    fn try_settle(&mut self, name: &OsStr, sweeper: &Sweeper) -> io::Result<bool> {
        let work = Arc::clone(&self.work);
        let Some(claim) = Claim::new(&work, name)? else {
            return Ok(false);
        };
        for _ in 0..MAX_TRIES {
            // Fails where something stands: every job's folder has something in it.
            match work.rename(&self.name, &work, name) {
                Ok(()) => {
                    name.clone_into(&mut self.name);
                    self.claim = Some(claim);
                    return Ok(true);
                }
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(error),
            }
            let moved = match claim.is_left_over(&work, name) {
                Ok(true) => sweeper.take_entry(&work, name),
                Ok(false) => return Ok(false),
                Err(error) => Err(error),
            };
            match moved {
                // It has just gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(false)
    }

    /// Takes its name back and empties `home` and `tmp`: the next job may have it.
    pub(super) fn make_spare(&mut self, sweeper: &Sweeper) -> io::Result<()> {
        let name = private_name();
        self.work.rename(&self.name, &self.work, &name)?;
        self.name = name;
        self.claim = None;
        for (name, stamp) in [(HOME, &mut self.home), (TMP, &mut self.tmp)] {
            let name = OsStr::new(name);
            if self.dir.stat(name)?.stamp == *stamp {
                continue;
            }
            if !empty_quickly(&self.dir, name) {
                sweeper.take_entry(&self.dir, name)?;
                self.dir.make_private(name)?;
            }
            *stamp = self.dir.stat(name)?.stamp;
        }
        Ok(())
    }

    /// Leaves it where it is, for people to look into; the path is that of its tree.
    pub(super) fn leave(mut self) -> io::Result<PathBuf> {
        let path = self.path();
        if let Content::Overlay(overlay) = &mut self.content {
            overlay.leave(&self.dir, &path)?;
        }
        self.dir.let_go();
        Ok(path.join(TREE))
    }

    /// Ends its mount, and tells what must be deleted.
    pub(super) fn give_up(&mut self) -> io::Result<(&Dir, &OsStr)> {
        let path = self.path();
        if let Content::Overlay(overlay) = &mut self.content {
            overlay.unmount(&path)?;
        }
        Ok((&self.work, &self.name))
    }
}

/// Brings copies to what is wanted of a snapshot. `false`: they are of another one.
fn mend(
    tree: &mut Tree,
    snapshot: &Snapshot,
    globs: Option<&[String]>,
    sweeper: &Sweeper,
    warnings: &mut Vec<String>,
    failed: impl FnOnce(io::Error) -> WorkspaceError,
) -> Result<bool, WorkspaceError> {
    if tree.snapshot() != Some(&snapshot.path) {
        return Ok(false);
    }
    let selected = globs
        .map(|globs| select(tree.index(), globs, warnings))
        .transpose()?;
    tree.bring(selected.as_deref(), sweeper).map_err(failed)?;
    Ok(true)
}

/// The first characters of a name that no job has.
const PRIVATE: &str = ".slot.";

fn private_name() -> OsString {
    static N: AtomicU64 = AtomicU64::new(0);
    let n = N.fetch_add(1, Ordering::Relaxed);
    format!("{PRIVATE}{}.{n}", std::process::id()).into()
}

/// Whether a name in `work/` is that of a folder between two jobs.
pub(super) fn is_private(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(PRIVATE))
}

/// Deletes the few files that most jobs leave there, which is less work than handing them on.
/// `false`: there is more, or something else.
fn empty_quickly(dir: &Dir, name: &OsStr) -> bool {
    /// From here on the job that follows should not wait.
    const MAX_FILES: usize = 32;
    dir.child_unmounted(name)
        .and_then(|inner| {
            let entries = inner.entries()?;
            let is_little = entries.len() <= MAX_FILES
                && entries.iter().all(|(_, kind)| *kind != Kind::Folder)
                && inner.own_stat()?.mode == PRIVATE_MODE;
            if is_little {
                for (name, _) in entries {
                    inner.unlink(&name)?;
                }
            }
            Ok(is_little)
        })
        .unwrap_or(false)
}

fn make_empty(dir: &Dir, name: &str) -> io::Result<Stamp> {
    dir.make_private(OsStr::new(name))?;
    Ok(dir.stat(OsStr::new(name))?.stamp)
}

fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory, PermissionDenied};
    match error.kind() {
        AlreadyExists | DirectoryNotEmpty | NotADirectory => true,
        // What Windows says when something stands there.
        PermissionDenied => cfg!(windows),
        _ => false,
    }
}
