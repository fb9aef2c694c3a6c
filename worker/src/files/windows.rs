//! Windows: by path. Files are only ever copied here.

use super::{Kind, Stamp, Stat, Time};
use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, FileTimes, Metadata, OpenOptions},
    io,
    os::windows::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What is said of every file and folder, since there are no modes.
pub(crate) const PRIVATE_MODE: u32 = 0o644;

/// A folder.
#[derive(Debug)]
pub(crate) struct Dir {
    path: PathBuf,
}

impl Dir {
    /// Opens a folder of our own.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(Self {
                path: path.to_owned(),
            }),
            false => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        }
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Nothing to do: the entries of a folder are in the file system's own journal.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    /// Nothing to do: a folder can't be held here, and a file beside it is locked instead.
    pub(crate) fn try_hold(&self) -> io::Result<bool> {
        Ok(true)
    }

    /// Nothing to do either.
    pub(crate) fn let_go(&self) {}

    /// Opens the folder of this name: no symbolic link and no junction.
    pub(crate) fn child(&self, name: &OsStr) -> io::Result<Self> {
        match self.stat(name)?.kind {
            Kind::Folder => Ok(Self {
                path: self.path.join(name),
            }),
            _ => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        }
    }

    /// Opens the folder of this name for deleting in it.
    pub(crate) fn child_unmounted(&self, name: &OsStr) -> io::Result<Self> {
        self.child(name)
    }

    /// Makes a folder.
    pub(crate) fn make(&self, name: &OsStr) -> io::Result<()> {
        fs::create_dir(self.path.join(name))
    }

    /// Makes a folder; who may enter follows from the folder that it lies in.
    pub(crate) fn make_private(&self, name: &OsStr) -> io::Result<()> {
        self.make(name)
    }

    /// What stands under this name; a symbolic link is not followed.
    pub(crate) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        fs::symlink_metadata(self.path.join(name)).map(|data| stat(&data))
    }

    /// What the system knows of the folder itself.
    pub(crate) fn own_stat(&self) -> io::Result<Stat> {
        fs::symlink_metadata(&self.path).map(|data| stat(&data))
    }

    /// Its entries, in no order.
    pub(crate) fn entries(&self) -> io::Result<Vec<(OsString, Kind)>> {
        fs::read_dir(&self.path)?
            .map(|entry| {
                let entry = entry?;
                Ok((entry.file_name(), stat(&entry.metadata()?).kind))
            })
            .collect()
    }

    /// Opens a regular file for reading.
    pub(crate) fn read(&self, name: &OsStr) -> io::Result<(File, Stat)> {
        let stat = self.stat(name)?;
        match stat.kind {
            Kind::File => Ok((File::open(self.path.join(name))?, stat)),
            _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        }
    }

    /// Makes a new file. Windows has no modes but "read-only", which a copy doesn't keep.
    pub(crate) fn create(&self, name: &OsStr, _mode: u32) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(self.path.join(name))
    }

    /// Makes a new file `name` with the content and time of an open one, and tells what the system
    /// knows of the new one.
    pub(crate) fn copy_in(&self, name: &OsStr, mut from: &File, like: &Stat) -> io::Result<Stat> {
        let mut to = self.create(name, like.mode)?;
        io::copy(&mut from, &mut to)?;
        let time = like.stamp.modified;
        let since = Duration::new(time.seconds.max(0).unsigned_abs(), time.nanos);
        to.set_times(FileTimes::new().set_modified(UNIX_EPOCH + since))?;
        drop(to);
        self.stat(name)
    }

    /// Never: files are only copied here.
    pub(crate) fn link_in(&self, _: &OsStr, _: &Self, _: &OsStr) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    /// Where a symbolic link leads, as it is written there.
    pub(crate) fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        fs::read_link(self.path.join(name))
    }

    /// Makes a symbolic link.
    pub(crate) fn link_to(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        let path = self.path.join(name);
        match self.path.join(target).is_dir() {
            true => std::os::windows::fs::symlink_dir(target, path),
            false => std::os::windows::fs::symlink_file(target, path),
        }
    }

    /// Moves an entry to another folder.
    pub(crate) fn rename(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> io::Result<()> {
        fs::rename(self.path.join(name), to.path.join(to_name))
    }

    /// Deletes what is no folder.
    pub(crate) fn unlink(&self, name: &OsStr) -> io::Result<()> {
        let path = self.path.join(name);
        // A link to a folder is deleted as a folder.
        fs::remove_file(&path).or_else(|error| fs::remove_dir(&path).map_err(|_| error))
    }

    /// Deletes an empty folder.
    pub(crate) fn unlink_dir(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    /// Takes "read-only" away, the one mode that hinders deleting.
    #[expect(
        clippy::permissions_set_readonly_false,
        reason = "on Windows this is one attribute and opens the file to nobody else"
    )]
    pub(crate) fn set_mode(&self, name: &OsStr, _mode: u32) -> io::Result<()> {
        let path = self.path.join(name);
        let mut permissions = fs::symlink_metadata(&path)?.permissions();
        permissions.set_readonly(false);
        fs::set_permissions(&path, permissions)
    }
}

impl Stat {
    /// What the system knows of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|data| stat(&data))
    }
}

/// Whether an error of opening says that nothing of the sought kind stands there.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidInput)
}

/// A path below a root as bytes that mean the same on every system: names joined by `/`.
pub(crate) fn path_to_wire(path: &Path) -> io::Result<Vec<u8>> {
    let text = path.to_str().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "the name is not valid Unicode")
    })?;
    Ok(text.replace('\\', "/").into_bytes())
}

/// The path of such bytes.
pub(crate) fn path_from_wire(bytes: &[u8]) -> io::Result<PathBuf> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the name is not valid Unicode"))?;
    // A name that is legal elsewhere must not become a drive or a folder here.
    match text.contains(['\\', ':']) {
        true => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "Windows allows no such name",
        )),
        false => Ok(text.split('/').collect()),
    }
}

fn stat(data: &Metadata) -> Stat {
    let kind = match data.file_type() {
        kind if kind.is_symlink() => Kind::Link,
        kind if kind.is_dir() => Kind::Folder,
        kind if kind.is_file() => Kind::File,
        _ => Kind::Other,
    };
    Stat {
        kind,
        mode: PRIVATE_MODE,
        stamp: Stamp {
            size: data.file_size(),
            modified: data.modified().map_or_else(|_| Time::default(), time),
            changed: data.created().map_or_else(|_| Time::default(), time),
            inode: 0,
        },
    }
}

fn time(time: SystemTime) -> Time {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => Time {
            seconds: since.as_secs().cast_signed(),
            nanos: since.subsec_nanos(),
        },
        Err(_) => Time::default(),
    }
}
