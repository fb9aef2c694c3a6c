//! Finding files by globs, below one folder and never out of it.

use super::{Cursor, Dir, Kind, is_absent, is_below, split};
use globset::{GlobBuilder, GlobMatcher};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// How many files one set of globs may find. A job that hands on more of them is handing on its whole
/// disk by mistake, and a manifest of that length would not fit in memory much longer.
pub(crate) const MAX_FOUND: usize = 1_000_000;

/// Patterns over paths below a folder. `*` and `?` stay within a name, `**` doesn't; a pattern that
/// matches a folder means all that is in it.
#[derive(Debug)]
pub(crate) struct Globs {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    matcher: GlobMatcher,
    /// The names before the first one with a special character.
    prefix: PathBuf,
    /// How many names a path has that matches; `None` with a `**`.
    n_names: Option<usize>,
}

/// What was found, in the order of the paths.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) entries: BTreeMap<PathBuf, Kind>,
    /// The patterns that matched nothing.
    pub(crate) unmatched: Vec<String>,
}

/// Why files can't be found.
#[derive(Debug, thiserror::Error)]
pub enum GlobError {
    /// A pattern can't be read.
    #[error("`{glob}` is no pattern")]
    Syntax {
        /// The pattern.
        glob: String,
        /// What is wrong with it.
        source: globset::Error,
    },
    /// A pattern leads out of the folder.
    #[error("`{glob}` leads out of the workspace; only paths below it can be named")]
    Outside {
        /// The pattern.
        glob: String,
    },
    /// A pattern leads through a symbolic link.
    #[error("`{glob}` leads through `{link}`, a symbolic link, which may lead anywhere")]
    Link {
        /// The pattern.
        glob: String,
        /// The link.
        link: PathBuf,
    },
    /// Too much is found.
    #[error("`{glob}` matches more than {MAX_FOUND} files")]
    TooMany {
        /// The pattern.
        glob: String,
    },
    /// A folder can't be read.
    #[error("can't read `{path}` of the workspace")]
    Read {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Globs {
    /// Reads patterns.
    pub(crate) fn new(globs: &[String]) -> Result<Self, GlobError> {
        let patterns = globs.iter().map(|glob| Pattern::new(glob));
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }

    /// Which of these paths the patterns name, and the patterns that name none.
    pub(crate) fn select<'a>(
        &self,
        paths: impl Iterator<Item = &'a Path>,
    ) -> (Vec<bool>, Vec<String>) {
        let mut has_matched = vec![false; self.patterns.len()];
        let selected = paths
            .map(|path| {
                let mut is_selected = false;
                for (pattern, has_matched) in self.patterns.iter().zip(&mut has_matched) {
                    let is_match = path
                        .ancestors()
                        .any(|path| !path.as_os_str().is_empty() && pattern.matcher.is_match(path));
                    is_selected |= is_match;
                    *has_matched |= is_match;
                }
                is_selected
            })
            .collect();
        let unmatched = self
            .patterns
            .iter()
            .zip(has_matched)
            .filter(|(_, has_matched)| !has_matched)
            .map(|(pattern, _)| pattern.text.clone())
            .collect();
        (selected, unmatched)
    }

    /// Finds what lies below `root`. Links are found, never followed.
    pub(crate) fn find(&self, root: &Dir) -> Result<Found, GlobError> {
        let mut found = Found {
            entries: BTreeMap::new(),
            unmatched: Vec::new(),
        };
        for pattern in &self.patterns {
            if !pattern.find(root, &mut found.entries)? {
                found.unmatched.push(pattern.text.clone());
            }
        }
        Ok(found)
    }
}

impl Pattern {
    fn new(glob: &str) -> Result<Self, GlobError> {
        let text = glob
            .strip_prefix("./")
            .unwrap_or(glob)
            .trim_end_matches('/');
        if !is_below(Path::new(text)) {
            return Err(GlobError::Outside {
                glob: glob.to_owned(),
            });
        }
        let matcher = GlobBuilder::new(text)
            .literal_separator(true)
            .backslash_escape(true)
            .build()
            .map_err(|source| GlobError::Syntax {
                glob: glob.to_owned(),
                source,
            })?
            .compile_matcher();
        let is_special = |name: &&str| name.contains(['*', '?', '[', '{', '\\']);
        let names = || text.split('/');
        // A `/` within braces is a name's end too: then the count says too little.
        let is_counted = !text.contains("**") && !text.contains('{');
        Ok(Self {
            text: glob.to_owned(),
            matcher,
            prefix: names().take_while(|name| !is_special(name)).collect(),
            n_names: is_counted.then(|| names().count()),
        })
    }

    /// Adds what matches, and answers whether anything does.
    fn find(&self, root: &Dir, found: &mut BTreeMap<PathBuf, Kind>) -> Result<bool, GlobError> {
        let mut cursor = Cursor::new(root);
        let Some(kind) = self.kind_of_prefix(&mut cursor)? else {
            return Ok(false);
        };
        let n_before = found.len();
        let mut has_matched = false;
        let is_literal = self.n_names == Some(self.prefix.iter().count());
        if is_literal {
            found.insert(self.prefix.clone(), kind);
            has_matched = true;
        }
        let mut waiting = match kind {
            Kind::Folder => vec![(self.prefix.clone(), is_literal)],
            _ => Vec::new(),
        };
        while let Some((folder, is_inside)) = waiting.pop() {
            let entries = cursor
                .at(&folder)
                .and_then(Dir::entries)
                .map_err(|source| GlobError::Read {
                    path: folder.clone(),
                    source,
                })?;
            for (name, kind) in entries {
                let path = folder.join(name);
                let is_match = is_inside || self.matcher.is_match(&path);
                if kind == Kind::Folder && (is_match || self.may_match_below(&path)) {
                    waiting.push((path.clone(), is_match));
                }
                if is_match {
                    has_matched = true;
                    found.insert(path, kind);
                }
            }
            if found.len() > n_before.max(MAX_FOUND) || waiting.len() > MAX_FOUND {
                return Err(GlobError::TooMany {
                    glob: self.text.clone(),
                });
            }
        }
        Ok(has_matched)
    }

    fn may_match_below(&self, folder: &Path) -> bool {
        self.n_names
            .is_none_or(|n_names| folder.iter().count() < n_names)
    }

    /// What stands at the end of the prefix; each name on the way there is a folder and no link.
    fn kind_of_prefix(&self, cursor: &mut Cursor<'_>) -> Result<Option<Kind>, GlobError> {
        let mut kind = Kind::Folder;
        let mut path = PathBuf::new();
        for name in &self.prefix {
            match kind {
                Kind::Folder => {}
                Kind::Link => {
                    return Err(GlobError::Link {
                        glob: self.text.clone(),
                        link: path,
                    });
                }
                Kind::File | Kind::Other => return Ok(None),
            }
            path.push(name);
            let stat = split(&path).and_then(|(folder, name)| cursor.at(folder)?.stat(name));
            kind = match stat {
                Ok(stat) => stat.kind,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(source) => return Err(GlobError::Read { path, source }),
            };
        }
        let is_end = self.n_names == Some(self.prefix.iter().count());
        match kind {
            Kind::Link if !is_end => Err(GlobError::Link {
                glob: self.text.clone(),
                link: path,
            }),
            kind => Ok(Some(kind)),
        }
    }
}
