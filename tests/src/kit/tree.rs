//! What a folder looks like, exactly: to say afterwards that nothing in it was touched.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Kind, permissions, time and content of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    mode: u32,
    modified: Option<SystemTime>,
    content: Vec<u8>,
}

/// The fingerprint of everything below `folder`, by path.
///
/// # Panics
/// When something below it can't be read.
#[must_use]
pub fn fingerprint(folder: &Path) -> BTreeMap<PathBuf, Fingerprint> {
    let mut found = BTreeMap::new();
    let mut to_see = vec![folder.to_owned()];
    while let Some(path) = to_see.pop() {
        let about = fs::symlink_metadata(&path).expect("the fixture can be read");
        let content = if about.is_dir() {
            to_see.extend(
                fs::read_dir(&path)
                    .expect("the fixture can be read")
                    .map(|entry| entry.expect("the fixture can be read").path()),
            );
            Vec::new()
        } else if about.is_symlink() {
            fs::read_link(&path)
                .expect("a link")
                .into_os_string()
                .into_encoded_bytes()
        } else {
            fs::read(&path).expect("the fixture can be read")
        };
        let print = Fingerprint {
            mode: mode(&about),
            modified: about.modified().ok(),
            content,
        };
        found.insert(path, print);
    }
    found
}

#[cfg(unix)]
fn mode(about: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(about)
}

#[cfg(not(unix))]
fn mode(about: &fs::Metadata) -> u32 {
    u32::from(about.permissions().readonly())
}
