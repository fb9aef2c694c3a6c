//! A small disk that fills up.

use std::{
    ffi::CString,
    path::{Path, PathBuf},
};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A mounted tmpfs; unmounted with its value.
pub struct Tmpfs {
    folder: PathBuf,
}

impl Tmpfs {
    /// Mounts one of `size` bytes at `folder`, which must exist. `None` where the machine does
    /// not let the tests mount.
    #[must_use]
    pub fn mount(folder: &Path, size: u64) -> Option<Self> {
        let options = CString::new(format!("size={size}")).expect("a number has no NUL");
        mount(
            "tmpfs",
            folder,
            "tmpfs",
            MountFlags::empty(),
            options.as_c_str(),
        )
        .ok()?;
        Some(Self {
            folder: folder.to_owned(),
        })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Detached: what still holds a file on it must not keep the test's folder from going.
        let _ = unmount(&self.folder, UnmountFlags::DETACH);
    }
}
