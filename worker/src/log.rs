//! The log of an attempt: what its steps wrote, byte for byte, but for the secrets.

use crate::mask::Masker;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// An attempt's log.
#[derive(Debug)]
pub struct Log {
    masker: Masker,
    file: LogFile,
}

/// Its file, made when there is something to write: most short steps say nothing.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: Option<File>,
    length: u64,
    at_line_start: bool,
}

impl Log {
    /// A log at this path; what an earlier one left there is replaced.
    #[must_use]
    pub fn new(path: PathBuf, masker: Masker) -> Self {
        let file = LogFile {
            path,
            file: None,
            length: 0,
            at_line_start: true,
        };
        Self { masker, file }
    }

    /// How long it is, in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.file.length
    }

    /// Knows the secrets, which must not leave in any other way either.
    #[must_use]
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Takes output of a step.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { masker, file } = self;
        masker.feed(bytes, &mut |piece| file.write(piece))
    }

    /// A step has ended: writes what might have become a secret with more output.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn end_step(&mut self) -> io::Result<()> {
        let Self { masker, file } = self;
        masker.finish(&mut |piece| file.write(piece))
    }

    /// Adds a line of Gantry's own, between the steps' output: what no event has a place for.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn note(&mut self, note: &str) -> io::Result<()> {
        self.end_step()?;
        let start = if self.file.at_line_start { "" } else { "\n" };
        self.write(format!("{start}gantry: {note}\n").as_bytes())?;
        self.end_step()
    }
}

impl LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(last) = bytes.last() else {
            return Ok(());
        };
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(create(&self.path)?),
        };
        file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        self.at_line_start = *last == b'\n';
        Ok(())
    }
}

/// Makes the file, and its folder for the first of a run.
fn create(path: &Path) -> io::Result<File> {
    match File::create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            File::create(path)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::Log;
    use crate::mask::Masker;
    use std::collections::BTreeMap;

    #[test]
    fn holds_bytes_as_they_are_notes_on_lines_of_their_own_and_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("17/3.1.log");
        let secrets = BTreeMap::from([("token".to_owned(), b"hunter2".to_vec())]);
        let mut log = Log::new(path.clone(), Masker::new(&secrets).unwrap());
        assert!(!path.exists());
        log.write(b"\xff\0 hun").unwrap();
        log.write(b"ter2").unwrap();
        log.note("the second try").unwrap();
        log.write(b"hunt").unwrap();
        log.end_step().unwrap();
        let written = std::fs::read(&path).unwrap();
        assert_eq!(written, b"\xff\0 ***\ngantry: the second try\nhunt");
        assert_eq!(log.length(), written.len() as u64);
    }
}
