//! Contents by their BLAKE3 digest: `ab/cdef…`, written once, checked whenever they are read.

use crate::files::{Dir, Stat};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// How much is read at a time: long enough for the digest's parallel form, and no more memory than
/// that, whatever the size of the file.
const CHUNK: usize = 128 * 1024;

/// How many characters of a digest are the name of a folder: 256 folders keep each of them small up to
/// some million blobs.
const PREFIX: usize = 2;

/// The length of a digest in hexadecimal digits.
const DIGITS: usize = 2 * blake3::OUT_LEN;

/// The blob store of a worker.
#[derive(Debug, Clone)]
pub struct Blobs {
    dir: PathBuf,
    durable: bool,
}

/// Why a blob could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The disk is full, or the user's share of it.
    #[error("no space is left on the disk of {path}")]
    Full {
        /// The folder of blobs.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk can't be written.
    #[error("{path} is read-only")]
    ReadOnly {
        /// The folder of blobs.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not here.
    #[error("the content {digest} is not in the store any more")]
    Missing {
        /// Its digest.
        digest: String,
    },
    /// What is stored is not what was written. It is set aside, so that it can be written anew.
    #[error("the stored content {digest} is damaged")]
    Damaged {
        /// Its digest.
        digest: String,
    },
    /// That is no digest.
    #[error("`{digest}` is no digest")]
    Digest {
        /// The text.
        digest: String,
    },
    /// A content is longer than the reader takes.
    #[error("the content {digest} is longer than {bound} bytes")]
    TooLong {
        /// Its digest.
        digest: String,
        /// The bound.
        bound: u64,
    },
    /// Reading or writing failed.
    #[error("can't use the blob store {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Blobs {
    /// The store in `dir`, which is made when first written to. With `durable` a blob is on the disk
    /// before its digest is told to anybody; without, a power cut may lose it, which is noticed when
    /// it is read.
    #[must_use]
    pub fn new(dir: PathBuf, durable: bool) -> Self {
        Self { dir, durable }
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keeps these bytes, and answers their digest.
    pub fn put(&self, bytes: &[u8]) -> Result<String, BlobError> {
        let digest = blake3::hash(bytes).to_hex().to_string();
        if self.has(&digest, bytes.len() as u64)? {
            return Ok(digest);
        }
        let mut building = self.begin()?;
        building
            .file
            .write_all(bytes)
            .map_err(|error| self.failed(error))?;
        self.publish(building, &digest)?;
        Ok(digest)
    }

    /// The bytes of a blob, where it has at most `bound` of them.
    pub fn get(&self, digest: &str, bound: u64) -> Result<Vec<u8>, BlobError> {
        let mut file = self.open(digest)?;
        let mut bytes = Vec::new();
        (&mut file)
            .take(bound.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| self.failed(error))?;
        if bytes.len() as u64 > bound {
            return Err(BlobError::TooLong {
                digest: digest.to_owned(),
                bound,
            });
        }
        self.check(digest, &blake3::hash(&bytes))?;
        Ok(bytes)
    }

    /// Keeps what is left to read of an open file, and answers its digest and length. It is read once,
    /// so that what is kept is what was digested.
    pub(crate) fn put_file(&self, mut file: &File) -> Result<(String, u64), BlobError> {
        let mut chunk = vec![0; CHUNK];
        let n = fill(&mut file, &mut chunk).map_err(|error| self.failed(error))?;
        if n < CHUNK {
            return Ok((self.put(&chunk[..n])?, n as u64));
        }
        let mut building = self.begin()?;
        let mut hasher = blake3::Hasher::new();
        let mut length = 0;
        let mut n = n;
        while n > 0 {
            hasher.update(&chunk[..n]);
            building
                .file
                .write_all(&chunk[..n])
                .map_err(|error| self.failed(error))?;
            length += n as u64;
            n = fill(&mut file, &mut chunk).map_err(|error| self.failed(error))?;
        }
        let digest = hasher.finalize().to_hex().to_string();
        match self.has(&digest, length)? {
            // Its content is there already; this one is given up.
            true => drop(building),
            false => self.publish(building, &digest)?,
        }
        Ok((digest, length))
    }

    /// Makes a file with the content of a blob, in an open folder.
    pub(crate) fn lay(
        &self,
        digest: &str,
        mode: u32,
        to: &Dir,
        name: &OsStr,
    ) -> Result<(), BlobError> {
        let mut blob = self.open(digest)?;
        let mut file = to
            .create(name, mode)
            .map_err(|error| self.failed_at(Path::new(name), error))?;
        let mut hasher = blake3::Hasher::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let n = fill(&mut blob, &mut chunk).map_err(|error| self.failed(error))?;
            if n == 0 {
                break;
            }
            hasher.update(&chunk[..n]);
            file.write_all(&chunk[..n])
                .map_err(|error| self.failed_at(Path::new(name), error))?;
        }
        self.check(digest, &hasher.finalize()).inspect_err(|_| {
            // A wrong file must not be taken for the right one.
            let _ = to.unlink(name);
        })
    }

    fn open(&self, digest: &str) -> Result<File, BlobError> {
        let path = self.path(digest)?;
        File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BlobError::Missing {
                digest: digest.to_owned(),
            },
            _ => BlobError::Io { path, source },
        })
    }

    fn check(&self, digest: &str, found: &blake3::Hash) -> Result<(), BlobError> {
        if found.to_hex().as_str() == digest {
            return Ok(());
        }
        let path = self.path(digest)?;
        // Out of the way of the right content; kept for whoever wants to know what happened.
        let _ = std::fs::rename(&path, path.with_extension("damaged"));
        Err(BlobError::Damaged {
            digest: digest.to_owned(),
        })
    }

    /// Whether a blob is there with that length. One that is shorter was cut by a crash, and is
    /// written anew.
    fn has(&self, digest: &str, length: u64) -> Result<bool, BlobError> {
        let path = self.path(digest)?;
        match path.symlink_metadata() {
            Ok(data) => Ok(data.len() == length),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn path(&self, digest: &str) -> Result<PathBuf, BlobError> {
        let is_digest = digest.len() == DIGITS
            && digest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        match is_digest {
            true => {
                let (prefix, rest) = digest.split_at(PREFIX);
                Ok(self.dir.join(prefix).join(rest))
            }
            false => Err(BlobError::Digest {
                digest: digest.to_owned(),
            }),
        }
    }

    fn begin(&self) -> Result<Building, BlobError> {
        static N: AtomicU64 = AtomicU64::new(0);
        let dir = match Dir::open(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(&self.dir).and_then(|()| Dir::open(&self.dir))
            }
            other => other,
        }
        .map_err(|error| self.failed(error))?;
        let n = N.fetch_add(1, Ordering::Relaxed);
        let name = OsString::from(format!(".new.{}.{n}", std::process::id()));
        // A process of the same number, before a crash, may have left one.
        let _ = dir.unlink(&name);
        Ok(Building {
            file: dir
                .create(&name, 0o444)
                .map_err(|error| self.failed(error))?,
            dir,
            name,
            is_done: false,
        })
    }

    fn publish(&self, mut building: Building, digest: &str) -> Result<(), BlobError> {
        let (prefix, rest) = digest.split_at(PREFIX);
        let publish = |building: &Building| {
            if self.durable {
                building.file.sync_data()?;
            }
            let prefix = OsStr::new(prefix);
            let folder = match building.dir.child(prefix) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match building.dir.make(prefix) {
                        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                        _ => building.dir.child(prefix),
                    }
                }
                other => other,
            }?;
            building
                .dir
                .rename(&building.name, &folder, OsStr::new(rest))?;
            match self.durable {
                true => folder.sync(),
                false => Ok(()),
            }
        };
        publish(&building).map_err(|error| self.failed(error))?;
        building.is_done = true;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> BlobError {
        self.failed_at(&self.dir, source)
    }

    fn failed_at(&self, path: &Path, source: io::Error) -> BlobError {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                BlobError::Full { path, source }
            }
            io::ErrorKind::ReadOnlyFilesystem => BlobError::ReadOnly { path, source },
            _ => BlobError::Io { path, source },
        }
    }
}

/// A blob that is not complete, and is gone when it doesn't become so.
struct Building {
    dir: Dir,
    name: OsString,
    file: File,
    is_done: bool,
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = self.dir.unlink(&self.name);
        }
    }
}

/// The digest and length of an open file, from its start.
pub(crate) fn digest_of(mut file: &File) -> io::Result<(String, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match fill(&mut file, &mut chunk)? {
            0 => break,
            n => hasher.update(&chunk[..n]),
        };
    }
    Ok((hasher.finalize().to_hex().to_string(), hasher.count()))
}

/// Whether a file has the content of a blob; its length is compared first.
pub(crate) fn is_content(file: &File, stat: &Stat, digest: &str, length: u64) -> bool {
    stat.stamp.size == length
        && digest_of(file)
            .is_ok_and(|(found, found_length)| found == digest && found_length == length)
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match file.read(&mut buffer[n..]) {
            Ok(0) => break,
            Ok(read) => n += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}
