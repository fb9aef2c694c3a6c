//! The source tree that a job's workspace is made from.

use super::{ConvertError, Problem};
use crate::v1;
use std::path::PathBuf;

/// Where a source tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A snapshot on the worker's machine; workspaces are laid from it, it is never written to.
    Snapshot(PathBuf),
    /// The author's own tree, used as it is (`--isolation none`).
    InPlace(PathBuf),
}

/// Fails where the path is not UTF-8: the wire has no form for it.
impl TryFrom<&Source> for v1::Source {
    type Error = ConvertError;

    fn try_from(source: &Source) -> Result<Self, ConvertError> {
        use v1::source::Kind;
        let (path, field, kind): (_, _, fn(String) -> Kind) = match source {
            Source::Snapshot(path) => (path, "snapshot", Kind::Snapshot),
            Source::InPlace(path) => (path, "in_place", Kind::InPlace),
        };
        let Some(text) = path.to_str() else {
            let shown = path.display().to_string();
            return Err(ConvertError::new(field, Problem::NotUtf8(shown)));
        };
        Ok(Self {
            kind: Some(kind(text.to_owned())),
        })
    }
}

impl TryFrom<v1::Source> for Source {
    type Error = ConvertError;

    fn try_from(source: v1::Source) -> Result<Self, ConvertError> {
        use v1::source::Kind;
        match source.kind {
            Some(Kind::Snapshot(path)) => Ok(Self::Snapshot(path.into())),
            Some(Kind::InPlace(path)) => Ok(Self::InPlace(path.into())),
            None => Err(ConvertError::new("kind", Problem::Missing)),
        }
    }
}
