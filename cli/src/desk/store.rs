//! The store of a repository.

use super::Repository;
use crate::error::{Error, Result};
use crate::output::text;
use etcetera::BaseStrategy as _;
use runner::layout::Layout;
use runner::store::{Store, StoreError};
use std::path::Path;

/// Where the store is: the folder that was named, or the repository's own.
pub fn layout(repository: &Repository, named: Option<&Path>) -> Result<Layout> {
    if let Some(named) = named {
        let folder = repository.start.join(named);
        // What is recorded is no part of the source tree, and here nothing could tell them apart.
        if is_same_folder(&folder, &repository.root) {
            return Err(
                Error::usage("the store can't be the working tree itself").hint(format!(
                    "name a folder of its own: `--store {}`",
                    text::shell_word(&named.join(".store").to_string_lossy())
                )),
            );
        }
        return Ok(Layout::at(folder));
    }
    let cache = etcetera::choose_base_strategy()
        .map_err(|error| {
            Error::system("can't find the user's cache folder")
                .because(error)
                .hint("name a folder for the store with `--store`")
        })?
        .cache_dir();
    Layout::for_repository(&cache, &repository.root).map_err(|error| {
        Error::system(format!("can't reach {}", repository.root.display())).because(error)
    })
}

/// Whether two paths lead to one folder that is there.
fn is_same_folder(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Opens the store to look at it; `None` where nothing was ever run.
pub fn open_for_reading(layout: &Layout) -> Result<Option<Store>> {
    match Store::open_for_reading(layout) {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let hint = error.hint();
        let mut edge = Error::system(error.to_string());
        // The message is the store's own; its cause is what it has beneath it.
        edge.cause = take_source(error);
        edge.hints.extend(hint);
        edge
    }
}

fn take_source(error: StoreError) -> Option<Box<dyn std::error::Error + Send + Sync>> {
    match error {
        StoreError::ReadOnly { source, .. } => source.map(Into::into),
        StoreError::Io { source, .. } => Some(source.into()),
        StoreError::Sql { source, .. } => Some(source.into()),
        StoreError::Missing { .. }
        | StoreError::Newer { .. }
        | StoreError::Foreign { .. }
        | StoreError::Damaged { .. }
        | StoreError::Full { .. }
        | StoreError::Busy { .. } => None,
    }
}
