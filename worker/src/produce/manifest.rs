//! The list of what a job produced: text, one line for each file, link and folder, in the order of
//! the paths, so that equal files give an equal list and an equal digest.
//!
//! ```text
//! gantry manifest 1
//! d 755 dist
//! f 755 1048576 6437…e262 dist/app
//! l app dist/latest
//! ```

use crate::{
    blobs::{BlobError, Blobs},
    files::{is_below, path_from_wire, path_to_wire},
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// The first line, with the version of the form.
const HEAD: &str = "gantry manifest 1";

/// How long a list may be: that of a million files with long paths.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// A list in its text form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    text: String,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) content: Content,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    File {
        mode: u32,
        size: u64,
        digest: String,
    },
    Link {
        target: PathBuf,
    },
    Folder {
        mode: u32,
    },
}

/// Why a list can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not there, or damaged.
    #[error("its list of files can't be read")]
    Blob(#[from] BlobError),
    /// It is of another version, or none.
    #[error("its list of files is of another version of Gantry")]
    Version,
    /// A line is none of ours.
    #[error("line {line} of its list of files can't be read")]
    Line {
        /// From 1.
        line: usize,
    },
    /// A path means nothing on this system.
    #[error("line {line} of its list of files: this system has no such path")]
    Path {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl Manifest {
    /// The list of these, which come in the order of their paths.
    pub(super) fn new(mut items: Vec<Item>) -> io::Result<Self> {
        items.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        let mut text = String::from(HEAD);
        text.push('\n');
        for Item { path, content } in &items {
            match content {
                Content::File { mode, size, digest } => {
                    text.push_str(&format!("f {mode:o} {size} {digest} "));
                }
                Content::Link { target } => {
                    text.push_str("l ");
                    escape(&path_to_wire(target)?, true, &mut text);
                    text.push(' ');
                }
                Content::Folder { mode } => text.push_str(&format!("d {mode:o} ")),
            }
            escape(&path_to_wire(path)?, false, &mut text);
            text.push('\n');
        }
        Ok(Self { text })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Reads one from the store. What is in it was written by some worker, and is believed in nothing:
    /// a path that leads out of the workspace is an error.
    pub(super) fn read(digest: &str, blobs: &Blobs) -> Result<Vec<Item>, ManifestError> {
        parse(&blobs.get(digest, MAX_BYTES)?)
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Item>, ManifestError> {
    let mut lines = bytes
        .strip_suffix(b"\n")
        .unwrap_or(bytes)
        .split(|b| *b == b'\n');
    if lines.next() != Some(HEAD.as_bytes()) {
        return Err(ManifestError::Version);
    }
    lines
        .enumerate()
        .map(|(i, line)| item(line, i + 2))
        .collect()
}

fn item(text: &[u8], line: usize) -> Result<Item, ManifestError> {
    let bad = || ManifestError::Line { line };
    let bad_path = |source| ManifestError::Path { line, source };
    let text = str::from_utf8(text).map_err(|_| bad())?;
    let (kind, rest) = text.split_once(' ').ok_or_else(bad)?;
    let (content, path) = match kind {
        "f" => {
            let mut fields = rest.splitn(4, ' ');
            let mut field = || fields.next().ok_or_else(bad);
            let content = Content::File {
                mode: mode(field()?).ok_or_else(bad)?,
                size: field()?.parse().map_err(|_| bad())?,
                digest: field()?.to_owned(),
            };
            (content, field()?)
        }
        "l" => {
            let (target, path) = rest.split_once(' ').ok_or_else(bad)?;
            let target = unescape(target).ok_or_else(bad)?;
            let target = path_from_wire(&target).map_err(bad_path)?;
            (Content::Link { target }, path)
        }
        "d" => {
            let (octal, path) = rest.split_once(' ').ok_or_else(bad)?;
            let mode = mode(octal).ok_or_else(bad)?;
            (Content::Folder { mode }, path)
        }
        _ => return Err(bad()),
    };
    let path = unescape(path).ok_or_else(bad)?;
    let path = path_from_wire(&path).map_err(bad_path)?;
    match is_below(Path::new(&path)) {
        true => Ok(Item { path, content }),
        false => Err(bad()),
    }
}

fn mode(octal: &str) -> Option<u32> {
    u32::from_str_radix(octal, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
}

/// Writes a path so that it stays on one line, and within one field where that is asked: bytes that
/// are no text, control characters and the escape character itself as `\xHH`.
fn escape(bytes: &[u8], as_field: bool, to: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => to.push_str("\\x5c"),
                ' ' if as_field => to.push_str("\\x20"),
                c if c.is_ascii_control() => to.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => to.push(c),
            }
        }
        for byte in chunk.invalid() {
            to.push_str(&format!("\\x{byte:02x}"));
        }
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split("\\x");
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use proptest::prelude::*;

    #[test]
    fn the_form_is_canonical() {
        let items = vec![
            Item {
                path: "dist/new\nline".into(),
                content: Content::Link {
                    target: "a b\\c".into(),
                },
            },
            Item {
                path: "dist".into(),
                content: Content::Folder { mode: 0o755 },
            },
            Item {
                path: "dist/a b".into(),
                content: Content::File {
                    mode: 0o644,
                    size: 3,
                    digest: "6437".to_owned(),
                },
            },
        ];
        insta::assert_snapshot!(Manifest::new(items).unwrap().text, @r"
        gantry manifest 1
        d 755 dist
        f 644 3 6437 dist/a b
        l a\x20b\x5cc dist/new\x0aline
        ");
    }

    #[track_caller]
    fn refused(line: &str) {
        let text = format!("{HEAD}\n{line}\n");
        assert!(parse(text.as_bytes()).is_err(), "{line}");
    }

    #[test]
    fn what_leads_out_or_is_odd_is_refused() {
        assert!(matches!(
            parse(b"gantry manifest 2\n"),
            Err(ManifestError::Version)
        ));
        assert!(matches!(parse(b""), Err(ManifestError::Version)));
        refused("d 755 ../x");
        refused("d 755 /etc");
        refused("d 755 a/../../b");
        refused("d 755 ");
        refused("d 7777 a");
        refused("d 9 a");
        refused("f 644 x 6437 a");
        refused("l a");
        refused("d 755 a\\xzz");
        refused("x a");
    }

    #[cfg(unix)]
    proptest! {
        #[test]
        fn every_path_comes_back(
            names in prop::collection::vec(prop::collection::vec(1u8..=255, 1..12), 1..4),
            target in prop::collection::vec(1u8..=255, 1..20),
        ) {
            let names: Vec<Vec<u8>> = names
                .into_iter()
                .map(|name| name.into_iter().filter(|b| *b != b'/').collect::<Vec<_>>())
                .filter(|name| !name.is_empty() && name != b"." && name != b"..")
                .collect();
            prop_assume!(!names.is_empty());
            let item = Item {
                path: path_from_wire(&names.join(&b'/')).unwrap(),
                content: Content::Link { target: path_from_wire(&target).unwrap() },
            };
            let text = Manifest::new(vec![item.clone()]).unwrap();
            prop_assert_eq!(parse(text.as_bytes()).unwrap(), vec![item]);
        }
    }
}
