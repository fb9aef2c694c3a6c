//! What a snapshot has: the list of its files, and what the system knew of each when it was copied.

use crate::files::{Dir, Kind, Stamp, Time, path_from_wire, path_to_wire};
use std::{
    ffi::OsStr,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// The first bytes of the file, with the version of its form.
const MAGIC: &[u8; 18] = b"gantry snapshot 1\n";

/// The length of the digest at the end.
const DIGEST: usize = blake3::OUT_LEN;

/// The files of a snapshot, in the byte order of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// When the machine was started, as its name for that says. Nothing of a snapshot is written
    /// through to the disk, so after a power cut its files may be empty: it is used again only
    /// before the next start.
    pub(crate) boot: String,
    pub(crate) entries: Vec<Entry>,
}

/// One file, link or empty folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    /// Of the author's file when it was copied.
    pub(crate) stamp: Stamp,
    /// Whether an equal stamp means an equal file. A file that changed at the very time of the copy
    /// may change once more without any difference in its times.
    pub(crate) is_settled: bool,
}

impl Entry {
    /// Whether a file of the tree is still as it was when this one was copied.
    pub(crate) fn is_same(&self, now: &Self) -> bool {
        self.is_settled && self.kind == now.kind && self.mode == now.mode && self.stamp == now.stamp
    }
}

impl Index {
    pub(crate) const NAME: &'static str = "index";

    /// How many files and links there are.
    pub(crate) fn n_files(&self) -> u64 {
        self.files().count() as u64
    }

    /// How large they are together.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.files().map(|entry| entry.stamp.size).sum()
    }

    fn files(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.kind != Kind::Folder)
    }

    /// Writes it into a snapshot's folder.
    pub(crate) fn write(&self, folder: &Dir) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(64 + self.entries.len() * 128);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.n_files().to_le_bytes());
        bytes.extend_from_slice(&self.n_bytes().to_le_bytes());
        put_bytes(&mut bytes, self.boot.as_bytes());
        bytes.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        for entry in &self.entries {
            put_bytes(&mut bytes, &path_to_wire(&entry.path)?);
            bytes.push(match entry.kind {
                Kind::File => b'f',
                Kind::Link => b'l',
                Kind::Folder | Kind::Other => b'd',
            });
            bytes.push(entry.is_settled.into());
            bytes.extend_from_slice(&entry.mode.to_le_bytes());
            bytes.extend_from_slice(&entry.stamp.size.to_le_bytes());
            bytes.extend_from_slice(&entry.stamp.inode.to_le_bytes());
            for time in [entry.stamp.modified, entry.stamp.changed] {
                bytes.extend_from_slice(&time.seconds.to_le_bytes());
                bytes.extend_from_slice(&time.nanos.to_le_bytes());
            }
        }
        let digest = blake3::hash(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        folder
            .create(OsStr::new(Self::NAME), 0o600)?
            .write_all(&bytes)
    }

    /// Reads only how large the snapshot is.
    pub(crate) fn read_size(folder: &Path) -> io::Result<Size> {
        let mut head = [0; MAGIC.len() + 16];
        std::fs::File::open(folder.join(Self::NAME))?.read_exact(&mut head)?;
        Size::take(&mut &head[..])
    }

    /// Reads that of a snapshot's folder. One that is damaged or of another version is an error of
    /// the kind `InvalidData`.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        std::fs::File::open(folder.join(Self::NAME))?.read_to_end(&mut bytes)?;
        let length = bytes.len().checked_sub(DIGEST).ok_or_else(invalid)?;
        let (content, digest) = bytes.split_at(length);
        if blake3::hash(content).as_bytes() != digest {
            return Err(invalid());
        }
        let mut rest = content;
        Size::take(&mut rest)?;
        let boot = String::from_utf8(take_bytes(&mut rest)?.to_vec()).map_err(|_| invalid())?;
        let n = u64::from_le_bytes(take(&mut rest)?);
        let mut entries = Vec::with_capacity(usize::try_from(n).unwrap_or(0).min(rest.len()));
        for _ in 0..n {
            entries.push(Self::entry(&mut rest)?);
        }
        Ok(Self { boot, entries })
    }

    fn entry(rest: &mut &[u8]) -> io::Result<Entry> {
        let path = path_from_wire(take_bytes(rest)?)?;
        let [kind, is_settled] = take(rest)?;
        let kind = match kind {
            b'f' => Kind::File,
            b'l' => Kind::Link,
            b'd' => Kind::Folder,
            _ => return Err(invalid()),
        };
        let mode = u32::from_le_bytes(take(rest)?);
        let size = u64::from_le_bytes(take(rest)?);
        let inode = u64::from_le_bytes(take(rest)?);
        let mut time = || {
            Ok::<_, io::Error>(Time {
                seconds: i64::from_le_bytes(take(rest)?),
                nanos: u32::from_le_bytes(take(rest)?),
            })
        };
        let stamp = Stamp {
            size,
            modified: time()?,
            changed: time()?,
            inode,
        };
        Ok(Entry {
            path,
            kind,
            mode,
            stamp,
            is_settled: is_settled != 0,
        })
    }
}

/// How much a snapshot has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) n_files: u64,
    pub(crate) n_bytes: u64,
}

impl Size {
    fn take(rest: &mut &[u8]) -> io::Result<Self> {
        *rest = rest.strip_prefix(MAGIC).ok_or_else(invalid)?;
        Ok(Self {
            n_files: u64::from_le_bytes(take(rest)?),
            n_bytes: u64::from_le_bytes(take(rest)?),
        })
    }
}

/// What names the time since the machine was started; empty where the system has no name for it.
pub(crate) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    // A path is at most 4 KiB on any system.
    to.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    to.extend_from_slice(bytes);
}

fn take<const N: usize>(rest: &mut &[u8]) -> io::Result<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or_else(invalid)?;
    *rest = tail;
    Ok(*head)
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let n = u32::from_le_bytes(take(rest)?) as usize;
    let (head, tail) = rest.split_at_checked(n).ok_or_else(invalid)?;
    *rest = tail;
    Ok(head)
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "damaged, or of another version")
}
