//! Linux: overlayfs, mounted in a namespace of the slot's own.

use super::super::{Snapshot, place::TREE};
use crate::{
    files::{Dir, Stamp},
    snapshot,
};
use rustix::{
    fs::CWD,
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
        UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_change,
        move_mount, unmount,
    },
    thread::{UnshareFlags, unshare_unsafe},
};
use std::{ffi::OsStr, io, path::Path, sync::Arc};

/// Where what the job writes goes.
const UPPER: &str = "upper";
/// What the file system needs for itself.
const SCRATCH: &str = "scratch";

/// A mounted tree. The mount is in the slot's own namespace: nobody else sees it, and it ends
/// with the slot, however that ends.
#[derive(Debug)]
pub(crate) struct Overlay {
    snapshot: Arc<Snapshot>,
    upper: Dir,
    unchanged: Stamp,
}

impl Overlay {
    /// Whether this thread may mount: found out once, by moving it to a mount namespace of its own.
    /// What it opened before belongs to the old one, and nothing can be moved from one to the other.
    ///
    /// Only root tries. Anybody could with a user namespace, but in one `sudo`, and containers
    /// without root, fail in ways that nobody would trace to the size of the tree.
    pub(crate) fn enter() -> bool {
        rustix::process::geteuid().is_root()
            && enter_namespace()
                .inspect_err(|error| tracing::debug!(%error, "no overlays here"))
                .is_ok()
    }

    /// Mounts one in a job's folder, after [`enter`](Self::enter); `None` where the system refuses it
    /// all the same.
    pub(crate) fn mount(snapshot: &Arc<Snapshot>, place: &Dir, path: &Path) -> Option<Self> {
        match Self::try_mount(snapshot, place, path) {
            Ok(overlay) => Some(overlay),
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "no overlay, so the tree is copied");
                for name in [UPPER, SCRATCH, TREE] {
                    // The copy starts from nothing; what can't go is in its way and reported there.
                    let _ = crate::files::remove(place, OsStr::new(name), &mut || true);
                }
                None
            }
        }
    }

    fn try_mount(snapshot: &Arc<Snapshot>, place: &Dir, path: &Path) -> io::Result<Self> {
        for name in [TREE, UPPER] {
            place.make(OsStr::new(name))?;
        }
        place.make_private(OsStr::new(SCRATCH))?;
        let lower = snapshot.path.join(snapshot::TREE);
        let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        // Folders of the snapshot can be renamed like any other.
        fsconfig_set_string(&context, "redirect_dir", "on")?;
        fsconfig_set_string(&context, "lowerdir", escape(&lower)?)?;
        fsconfig_set_string(&context, "upperdir", escape(&path.join(UPPER))?)?;
        fsconfig_set_string(&context, "workdir", escape(&path.join(SCRATCH))?)?;
        fsconfig_create(&context)?;
        let mount = fsmount(
            &context,
            FsMountFlags::FSMOUNT_CLOEXEC,
            MountAttrFlags::empty(),
        )?;
        // By path: what was opened before this thread had its own namespace lies in the old one.
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(&mount, "", CWD, path.join(TREE), flags)?;
        let upper = place.child(OsStr::new(UPPER))?;
        Ok(Self {
            snapshot: Arc::clone(snapshot),
            // After the mount, which marks the folder.
            unchanged: upper.own_stat()?.stamp,
            upper,
        })
    }

    /// Whether it lies on this snapshot.
    pub(crate) fn is_on(&self, snapshot: &Snapshot) -> bool {
        self.snapshot.path == snapshot.path
    }

    /// Whether no job has written anything: every change of the tree, however deep, makes an
    /// entry in the upper folder or changes the folder itself.
    pub(crate) fn is_unchanged(&self) -> io::Result<bool> {
        Ok(self.upper.own_stat()?.stamp == self.unchanged)
    }

    /// Ends the mount; files that are still open stay usable for who has them.
    pub(crate) fn unmount(&mut self, path: &Path) -> io::Result<()> {
        match unmount(
            path.join(TREE),
            UnmountFlags::DETACH | UnmountFlags::NOFOLLOW,
        ) {
            // A job has ended it.
            Err(Errno::INVAL) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Ends the mount and leaves what was written in the place of the tree.
    pub(crate) fn leave(&mut self, place: &Dir, path: &Path) -> io::Result<()> {
        self.unmount(path)?;
        place.unlink_dir(OsStr::new(TREE))?;
        place.rename(OsStr::new(UPPER), place, OsStr::new(TREE))
    }
}

/// The options of the file system are separated by `:` and `,`, with `\` to protect them; older
/// systems read that in different ways.
fn escape(path: &Path) -> io::Result<&Path> {
    let bytes = path.as_os_str().as_encoded_bytes();
    match bytes.iter().any(|byte| b":,\\".contains(byte)) {
        true => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        false => Ok(path),
    }
}

fn enter_namespace() -> io::Result<()> {
    // SAFETY: only the mount namespace is left, which takes no memory or descriptor with it. It
    // also ends the sharing of the working folder with other threads, which none changes.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    // What is mounted outside still appears here, but not the other way round.
    Ok(mount_change(
        "/",
        MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC,
    )?)
}
