//! Laying what other jobs produced.

use super::{
    ProduceError,
    manifest::{Content, Item, Manifest},
};
use crate::{
    blobs::{Blobs, is_content},
    files::{Cursor, Dir, Kind, is_below, split},
};
use model::spec::Needed;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

/// Lays what the needed jobs produced below `root`. Two jobs at one path are an error, and then
/// nothing is laid; a file of the source tree is replaced.
pub fn lay(needs: &[Needed], blobs: &Blobs, root: &Path) -> Result<(), ProduceError> {
    if needs.is_empty() {
        return Ok(());
    }
    let plan = Plan::new(needs, blobs)?;
    let dir = Dir::open(root).map_err(|source| ProduceError::Write {
        path: root.to_owned(),
        source,
    })?;
    let mut cursor = Cursor::new(&dir);
    for (path, (job, content)) in &plan.items {
        let mut layer = Layer { path, job, blobs };
        layer.lay(content, &mut cursor)?;
    }
    // Last and from below: a folder may be one that can't be written.
    for (path, (job, content)) in plan.items.iter().rev() {
        if let Content::Folder { mode } = content {
            Layer { path, job, blobs }.set_mode(*mode, &mut cursor)?;
        }
    }
    Ok(())
}

/// All that is laid, with the job that it comes from; the folders on the way to a file before it.
struct Plan<'a> {
    items: BTreeMap<PathBuf, (&'a str, Content)>,
}

impl<'a> Plan<'a> {
    fn new(needs: &'a [Needed], blobs: &Blobs) -> Result<Self, ProduceError> {
        let mut plan = Self {
            items: BTreeMap::new(),
        };
        for needed in needs {
            let failed = |source| ProduceError::Manifest {
                job: needed.job.clone(),
                source,
            };
            let below = PathBuf::from(needed.below.as_deref().unwrap_or_default());
            if needed.below.is_some() && !is_below(&below) {
                return Err(ProduceError::InTheWay {
                    path: below,
                    job: needed.job.clone(),
                    what: "the end of the workspace",
                });
            }
            for item in Manifest::read(&needed.manifest, blobs).map_err(failed)? {
                plan.add(&needed.job, &below, item)?;
            }
        }
        plan.check_folders()?;
        Ok(plan)
    }

    fn add(&mut self, job: &'a str, below: &Path, item: Item) -> Result<(), ProduceError> {
        let path = below.join(item.path);
        match self.items.get(&path) {
            // A folder may be everybody's; what is in it may not.
            Some((_, Content::Folder { .. })) if matches!(item.content, Content::Folder { .. }) => {
            }
            Some((first, _)) => {
                return Err(ProduceError::Conflict {
                    path,
                    first: (*first).to_owned(),
                    second: job.to_owned(),
                });
            }
            None => {
                self.items.insert(path, (job, item.content));
            }
        }
        Ok(())
    }

    /// Nothing may lie below what is no folder.
    fn check_folders(&self) -> Result<(), ProduceError> {
        for (path, (second, _)) in &self.items {
            for folder in path.ancestors().skip(1) {
                match self.items.get(folder) {
                    None | Some((_, Content::Folder { .. })) => {}
                    Some((first, _)) => {
                        return Err(ProduceError::Conflict {
                            path: folder.to_owned(),
                            first: (*first).to_owned(),
                            second: (*second).to_owned(),
                        });
                    }
                }
            }
        }
        Ok(())
    }
}

struct Layer<'a> {
    path: &'a Path,
    job: &'a str,
    blobs: &'a Blobs,
}

impl Layer<'_> {
    fn lay(&mut self, content: &Content, cursor: &mut Cursor<'_>) -> Result<(), ProduceError> {
        let (folder, name) = split(self.path).map_err(|source| self.write(source))?;
        let dir = cursor.make(folder).map_err(|source| {
            match crate::files::is_absent(&source) || source.kind() == io::ErrorKind::NotADirectory
            {
                // A file or link of the source tree. Through a link nothing is ever written.
                true => self.in_the_way("a file or link on the way there"),
                false => self.write(source),
            }
        })?;
        let there = match dir.stat(name) {
            Ok(stat) => Some(stat),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.write(error)),
        };
        match (content, there) {
            (Content::Folder { .. }, Some(there)) if there.kind == Kind::Folder => return Ok(()),
            (Content::Folder { .. }, Some(_)) => return Err(self.in_the_way("a file")),
            (Content::Folder { .. }, None) => {
                return dir.make(name).map_err(|source| self.write(source));
            }
            (_, Some(there)) if there.kind == Kind::Folder => {
                return Err(self.in_the_way("a folder"));
            }
            (Content::File { mode, size, digest }, Some(there)) => {
                // The same already: in the author's own tree every job finds what was made there.
                if there.mode == *mode
                    && let Ok((file, stat)) = dir.read(name)
                    && is_content(&file, &stat, digest, *size)
                {
                    return Ok(());
                }
                dir.unlink(name).map_err(|source| self.write(source))?;
            }
            (Content::Link { .. }, Some(_)) => {
                dir.unlink(name).map_err(|source| self.write(source))?;
            }
            (_, None) => {}
        }
        self.make(content, dir, name)
    }

    fn make(&self, content: &Content, dir: &Dir, name: &OsStr) -> Result<(), ProduceError> {
        match content {
            Content::File { mode, digest, .. } => Ok(self.blobs.lay(digest, *mode, dir, name)?),
            Content::Link { target } => dir
                .link_to(name, target)
                .map_err(|source| self.write(source)),
            Content::Folder { .. } => dir.make(name).map_err(|source| self.write(source)),
        }
    }

    fn set_mode(&self, mode: u32, cursor: &mut Cursor<'_>) -> Result<(), ProduceError> {
        let (folder, name) = split(self.path).map_err(|source| self.write(source))?;
        let set = |dir: &Dir| match dir.stat(name)?.mode == mode {
            true => Ok(()),
            false => dir.set_mode(name, mode),
        };
        cursor
            .at(folder)
            .and_then(set)
            .map_err(|source| self.write(source))
    }

    fn write(&self, source: io::Error) -> ProduceError {
        ProduceError::Write {
            path: self.path.to_owned(),
            source,
        }
    }

    fn in_the_way(&self, what: &'static str) -> ProduceError {
        ProduceError::InTheWay {
            path: self.path.to_owned(),
            job: self.job.to_owned(),
            what,
        }
    }
}
