//! The slot's journal: all that it tells about attempts, on its own disk before it is told.
//!
//! A record is the length of a message, four bytes of its digest, and the message; appended and never
//! changed. What a crash has cut off has no valid digest and ends the reading.

use prost::Message as _;
use protocol::slot::v1::{FromSlot, from_slot};
use protocol::v1::Lease;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// The first bytes of a journal; the last of them is its version.
const START: &[u8; 8] = b"GANTRYJ\x01";

/// The bytes of a record's digest.
const DIGEST: usize = 4;

/// How long it may grow before it is emptied: when no record is needed any more, and it is worth the
/// call.
const LENGTH_LIMIT: u64 = 1 << 20;

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    length: u64,
    durable: bool,
    /// Records that are not written yet.
    pending: Vec<u8>,
    /// Attempts that the runner has not acknowledged.
    open: Vec<Lease>,
}

impl Journal {
    /// Starts an empty journal. Who wants to know what an earlier slot has left reads it before.
    pub(crate) fn create(path: &Path, durable: bool) -> io::Result<Self> {
        let mut file = File::create(path)?;
        file.write_all(START)?;
        Ok(Self {
            file,
            length: START.len() as u64,
            durable,
            pending: Vec::new(),
            open: Vec::new(),
        })
    }

    /// Adds what is about to be told, with its encoded form. The length of a log is no state: it is
    /// seen in the log.
    pub(crate) fn add(&mut self, report: &FromSlot, encoded: &[u8]) {
        match &report.body {
            Some(from_slot::Body::LogGrew(_) | from_slot::Body::Ready(_)) | None => return,
            Some(from_slot::Body::Started(started)) => self.open.extend(started.lease),
            Some(_) => {}
        }
        let length = u32::try_from(encoded.len()).unwrap_or(u32::MAX);
        self.pending.extend_from_slice(&length.to_le_bytes());
        self.pending.extend_from_slice(&digest(encoded));
        self.pending.extend_from_slice(encoded);
    }

    /// Writes what was added; on the disk when it returns, where that is asked for.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.pending)?;
        self.length += self.pending.len() as u64;
        self.pending.clear();
        match self.durable {
            true => self.file.sync_data(),
            false => Ok(()),
        }
    }

    /// The runner knows how this attempt ended. Without an open one the journal may begin anew.
    pub(crate) fn acknowledge(&mut self, lease: Option<Lease>) -> io::Result<()> {
        self.open.retain(|open| Some(*open) != lease);
        if !self.open.is_empty() || !self.pending.is_empty() || self.length < LENGTH_LIMIT {
            return Ok(());
        }
        self.length = START.len() as u64;
        self.file.set_len(self.length)?;
        io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.length))?;
        Ok(())
    }
}

/// All that a slot has told, as far as its journal is whole; nothing where there is none.
///
/// # Errors
/// Where the file can't be read, or is none of this version.
pub fn replay(path: &Path) -> io::Result<Vec<FromSlot>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let Some(mut rest) = bytes.strip_prefix(START) else {
        return match START.starts_with(&bytes) {
            // Made, and cut off before its first record.
            true => Ok(Vec::new()),
            false => Err(io::Error::other("no journal of this version of Gantry")),
        };
    };
    let mut reports = Vec::new();
    while let Some((report, after)) = record(rest) {
        reports.push(report);
        rest = after;
    }
    Ok(reports)
}

/// The first record, where it is whole, and what comes after it.
fn record(bytes: &[u8]) -> Option<(FromSlot, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (written, rest) = rest.split_first_chunk::<DIGEST>()?;
    let (message, after) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let report = FromSlot::decode(message).ok()?;
    (*written == digest(message)).then_some((report, after))
}

fn digest(message: &[u8]) -> [u8; DIGEST] {
    let mut short = [0; DIGEST];
    short.copy_from_slice(&blake3::hash(message).as_bytes()[..DIGEST]);
    short
}

#[cfg(test)]
mod tests {
    use super::{Journal, LENGTH_LIMIT, replay};
    use prost::Message as _;
    use protocol::slot::v1::{FromSlot, from_slot::Body};
    use protocol::v1::{Finished, Lease, LogGrew, Started};
    use std::fs;

    fn lease(job: u32) -> Option<Lease> {
        Some(Lease {
            job,
            ..Lease::default()
        })
    }

    fn started(job: u32) -> FromSlot {
        let lease = lease(job);
        FromSlot {
            body: Some(Body::Started(Started { lease })),
        }
    }

    fn finished(job: u32) -> FromSlot {
        let finished = Finished {
            lease: lease(job),
            ..Finished::default()
        };
        FromSlot {
            body: Some(Body::Finished(finished)),
        }
    }

    fn add(journal: &mut Journal, report: &FromSlot) {
        journal.add(report, &report.encode_to_vec());
    }

    #[test]
    fn what_was_told_is_read_again_up_to_the_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        assert_eq!(replay(&path).unwrap(), []);
        let mut journal = Journal::create(&path, true).unwrap();
        let grew = FromSlot {
            body: Some(Body::LogGrew(LogGrew::default())),
        };
        let all = [started(1), finished(1), started(2)];
        for report in &all {
            add(&mut journal, report);
            add(&mut journal, &grew);
            journal.write().unwrap();
        }
        assert_eq!(replay(&path).unwrap(), all);

        let bytes = fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            let read = replay(&path).unwrap();
            assert!(
                read.len() < all.len() && all.starts_with(&read),
                "{length} bytes"
            );
        }
        let mut wrong = bytes.clone();
        let last = wrong.len() - 1;
        wrong[last] ^= 1;
        fs::write(&path, wrong).unwrap();
        assert_eq!(replay(&path).unwrap(), all[..2]);
        fs::write(&path, "GANTRYJ\x02 of tomorrow").unwrap();
        assert!(replay(&path).is_err());
    }

    #[test]
    fn it_begins_anew_when_nothing_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, false).unwrap();
        while journal.length <= LENGTH_LIMIT {
            for report in [started(1), started(2), finished(1)] {
                add(&mut journal, &report);
            }
            journal.write().unwrap();
        }
        journal.acknowledge(lease(1)).unwrap();
        assert!(journal.length > LENGTH_LIMIT);
        journal.acknowledge(lease(2)).unwrap();
        assert_eq!(replay(&path).unwrap(), []);
        add(&mut journal, &started(3));
        journal.write().unwrap();
        assert_eq!(replay(&path).unwrap(), [started(3)]);
    }
}
