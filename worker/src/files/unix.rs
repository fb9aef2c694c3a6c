//! Linux: everything relative to an open folder.

use super::{Kind, Stamp, Stat, Time};
use rustix::{
    fs::{
        self, AtFlags, FileType, FlockOperation, Mode, OFlags, RawDir, ResolveFlags, Timespec,
        Timestamps, UTIME_OMIT,
    },
    io::Errno,
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    mem::MaybeUninit,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::{OsStrExt, OsStringExt},
            fs::FileExt,
        },
    },
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// Files up to this size are copied by one read and one write; larger ones are worth asking the file
/// system for a shared copy first.
const SMALL: usize = 16 * 1024;

/// The mode of a folder that only this user may enter.
pub(crate) const PRIVATE_MODE: u32 = 0o700;

/// How much of a large file is copied by one call.
const CHUNK: usize = 8 * 1024 * 1024;

/// Whether the file system of the store makes no shared copies (reflinks): not asked again once known.
static NO_REFLINK: AtomicBool = AtomicBool::new(false);

/// An open folder.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
}

impl Dir {
    /// Opens a folder of our own, whose path may lead through symbolic links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::open(path, flags, Mode::empty())?;
        Ok(Self { fd })
    }

    /// Opens the folder of this name; a symbolic link is refused.
    pub(crate) fn child(&self, name: &OsStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, Mode::empty())?;
        Ok(Self { fd })
    }

    /// Opens the folder of this name for deleting in it: neither a symbolic link nor what is mounted
    /// there, which may be anybody's.
    pub(crate) fn child_unmounted(&self, name: &OsStr) -> io::Result<Self> {
        static NO_OPENAT2: AtomicBool = AtomicBool::new(false);
        if !NO_OPENAT2.load(Ordering::Relaxed) {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
            match fs::openat2(&self.fd, name, flags, Mode::empty(), resolve) {
                Ok(fd) => return Ok(Self { fd }),
                // Before Linux 5.6, or kept away by a seccomp filter.
                Err(Errno::NOSYS | Errno::PERM) => NO_OPENAT2.store(true, Ordering::Relaxed),
                Err(error) => return Err(error.into()),
            }
        }
        let child = self.child(name)?;
        // Doesn't notice a part of the same file system that is mounted a second time.
        match fs::fstat(&child.fd)?.st_dev == fs::fstat(&self.fd)?.st_dev {
            true => Ok(child),
            false => Err(Errno::XDEV.into()),
        }
    }

    /// Makes a folder.
    pub(crate) fn make(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o777))?)
    }

    /// Makes a folder that only this user may enter.
    pub(crate) fn make_private(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::mkdirat(
            &self.fd,
            name,
            Mode::from_raw_mode(PRIVATE_MODE),
        )?)
    }

    /// What stands under this name; a symbolic link is not followed.
    pub(crate) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(stat(&fs::statat(
            &self.fd,
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?))
    }

    /// What the system knows of the folder itself.
    pub(crate) fn own_stat(&self) -> io::Result<Stat> {
        Ok(stat(&fs::fstat(&self.fd)?))
    }

    /// Its entries, in no order.
    pub(crate) fn entries(&self) -> io::Result<Vec<(OsString, Kind)>> {
        let mut buffer = [MaybeUninit::uninit(); 8 * 1024];
        let mut found = Vec::new();
        fs::seek(&self.fd, fs::SeekFrom::Start(0))?;
        let mut raw = RawDir::new(&self.fd, &mut buffer);
        while let Some(entry) = raw.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let name = OsStr::from_bytes(name);
            let kind = match kind_of(entry.file_type()) {
                // Some file systems don't say, and a folder may be any of them.
                Kind::Other => self.stat(name).map_or(Kind::Other, |stat| stat.kind),
                kind => kind,
            };
            found.push((name.to_owned(), kind));
        }
        Ok(found)
    }

    /// Opens a regular file for reading. What else stands there (a link, a pipe that would make us
    /// wait) is refused.
    pub(crate) fn read(&self, name: &OsStr) -> io::Result<(File, Stat)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&self.fd, name, flags, Mode::empty())?);
        let stat = stat(&fs::fstat(&file)?);
        match stat.kind {
            Kind::File => Ok((file, stat)),
            _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        }
    }

    /// Makes a new file with this mode.
    pub(crate) fn create(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode & 0o777);
        let fd = fs::openat(&self.fd, name, flags, mode)?;
        if mode.intersects(umask()) {
            fs::fchmod(&fd, mode)?;
        }
        Ok(File::from(fd))
    }

    /// Makes a new file `name` with the content, mode and time of an open one, and tells what the
    /// system knows of the new one.
    pub(crate) fn copy_in(&self, name: &OsStr, from: &File, like: &Stat) -> io::Result<Stat> {
        let to = self.create(name, like.mode)?;
        copy_data(from, &to, like.stamp.size)?;
        set_modified(&to, like.stamp.modified)?;
        Ok(stat(&fs::fstat(&to)?))
    }

    /// Gives a file one more name, in another folder. Only for files that no step can reach.
    pub(crate) fn link_in(&self, name: &OsStr, from: &Self, from_name: &OsStr) -> io::Result<()> {
        Ok(fs::linkat(
            &from.fd,
            from_name,
            &self.fd,
            name,
            AtFlags::empty(),
        )?)
    }

    /// Where a symbolic link leads, as it is written there.
    pub(crate) fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        let target = fs::readlinkat(&self.fd, name, Vec::new())?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    /// Makes a symbolic link.
    pub(crate) fn link_to(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        Ok(fs::symlinkat(target, &self.fd, name)?)
    }

    /// Moves an entry to another folder, over what is there: a file, or an empty folder for a folder.
    pub(crate) fn rename(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> io::Result<()> {
        Ok(fs::renameat(&self.fd, name, &to.fd, to_name)?)
    }

    /// Deletes what is no folder.
    pub(crate) fn unlink(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    /// Deletes an empty folder.
    pub(crate) fn unlink_dir(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    /// Sets the mode of a folder of this name, which must not be a link.
    pub(crate) fn set_mode(&self, name: &OsStr, mode: u32) -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // Through a path, since a folder without any permission can't be opened otherwise.
        let fd = fs::openat(&self.fd, name, flags, Mode::empty())?;
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
        Ok(fs::chmod(path, Mode::from_raw_mode(mode & 0o777))?)
    }

    /// Writes its entries through to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.fd)?)
    }

    /// Holds the folder for this process, until it is closed or the process ends; `false` when
    /// another one holds it.
    pub(crate) fn try_hold(&self) -> io::Result<bool> {
        match fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets others hold it. Closing is not enough: a process that is just being started has the
    /// folder open too, for a moment.
    pub(crate) fn let_go(&self) {
        // It can't fail for what is open.
        let _ = fs::flock(&self.fd, FlockOperation::Unlock);
    }
}

impl Stat {
    /// What the system knows of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(stat(&fs::fstat(file)?))
    }
}

/// Whether an error of opening says that nothing of the sought kind stands there: it is missing, or a
/// link, a file or a folder where another one was expected.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    match error.raw_os_error() {
        Some(code) => matches!(
            Errno::from_raw_os_error(code),
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ISDIR | Errno::NXIO
        ),
        // A pipe or device, opened as if it were a file.
        None => error.kind() == io::ErrorKind::InvalidInput,
    }
}

/// A path below a root as bytes that mean the same on every system: names joined by `/`.
pub(crate) fn path_to_wire(path: &Path) -> io::Result<Vec<u8>> {
    Ok(path.as_os_str().as_bytes().to_vec())
}

/// The path of such bytes.
pub(crate) fn path_from_wire(bytes: &[u8]) -> io::Result<PathBuf> {
    Ok(PathBuf::from(OsStr::from_bytes(bytes)))
}

/// The modes that the system takes away from new files. Read where it can be read without setting it,
/// which other threads would notice.
fn umask() -> Mode {
    static UMASK: OnceLock<u32> = OnceLock::new();
    Mode::from_raw_mode(*UMASK.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        status
            .lines()
            .find_map(|line| line.strip_prefix("Umask:"))
            .and_then(|value| u32::from_str_radix(value.trim(), 8).ok())
            // Unknown: set every mode by hand.
            .unwrap_or(0o777)
    }))
}

fn copy_data(from: &File, to: &File, size: u64) -> io::Result<()> {
    if size == 0 {
        return Ok(());
    }
    if size <= SMALL as u64 {
        let mut buffer = [0; SMALL];
        let n = read_small(from, &mut buffer)?;
        return to.write_all_at(&buffer[..n], 0);
    }
    if !NO_REFLINK.load(Ordering::Relaxed) {
        match fs::ioctl_ficlone(to, from) {
            Ok(()) => return Ok(()),
            Err(_) => NO_REFLINK.store(true, Ordering::Relaxed),
        }
    }
    loop {
        match fs::copy_file_range(from, None, to, None, CHUNK) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            // Not between these two file systems; only ever refused before the first byte.
            Err(Errno::XDEV | Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM) => {
                return copy_by_hand(from, to);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn read_small(mut from: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    // A file that has just grown is cut here; its stamp says that it has changed.
    while n < buffer.len() {
        match from.read(&mut buffer[n..])? {
            0 => break,
            read => n += read,
        }
        if n < buffer.len() {
            break;
        }
    }
    Ok(n)
}

fn copy_by_hand(mut from: &File, mut to: &File) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            n => to.write_all(&buffer[..n])?,
        }
    }
}

/// Sets the time of the last modification.
fn set_modified(file: &File, time: Time) -> io::Result<()> {
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT as _,
        },
        last_modification: Timespec {
            tv_sec: time.seconds,
            tv_nsec: time.nanos.into(),
        },
    };
    Ok(fs::futimens(file, &times)?)
}

#[expect(
    clippy::unnecessary_cast,
    reason = "the field types differ between architectures"
)]
fn stat(raw: &fs::Stat) -> Stat {
    Stat {
        kind: kind_of(FileType::from_raw_mode(raw.st_mode)),
        mode: raw.st_mode & 0o777,
        stamp: Stamp {
            size: raw.st_size as u64,
            modified: Time {
                seconds: raw.st_mtime as i64,
                nanos: raw.st_mtime_nsec as u32,
            },
            changed: Time {
                seconds: raw.st_ctime as i64,
                nanos: raw.st_ctime_nsec as u32,
            },
            inode: raw.st_ino as u64,
        },
    }
}

fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Link,
        FileType::Directory => Kind::Folder,
        _ => Kind::Other,
    }
}
