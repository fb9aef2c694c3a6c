//! Reads logs from disk: stretches of them, line by line, in flat memory whatever a step prints.

use model::AttemptId;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// How much of a line is shown. Nobody reads further, and a line may have 100 MB.
pub const MAX_LINE: usize = 4096;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// How far from the end the last line is sought.
const LAST_LINE_WINDOW: u64 = 4096;

/// Where the logs of a store are.
#[derive(Debug, Clone)]
pub struct Logs {
    folder: PathBuf,
}

impl Logs {
    /// The logs in this folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The file of an attempt.
    #[must_use]
    pub fn path(&self, attempt: AttemptId) -> PathBuf {
        self.folder.join(format!("{}.log", attempt.path()))
    }

    /// Opens the log of an attempt.
    ///
    /// # Errors
    /// Where the system can't.
    pub fn open(&self, attempt: AttemptId) -> io::Result<File> {
        File::open(self.path(attempt))
    }

    /// The last line that is not blank of a log of this length, or of its stretch before `to`.
    pub fn last_line(&self, attempt: AttemptId, to: u64) -> Option<Vec<u8>> {
        let mut file = self.open(attempt).ok()?;
        let from = to.saturating_sub(LAST_LINE_WINDOW);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut window = Vec::new();
        file.take(to - from).read_to_end(&mut window).ok()?;
        let mut lines = window.rsplit(|&byte| byte == b'\n');
        lines
            .find(|line| !line.trim_ascii().is_empty())
            .map(<[u8]>::to_vec)
    }
}

/// A line of a log, without its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'b> {
    /// Its bytes, at most [`MAX_LINE`].
    pub bytes: &'b [u8],
    /// How many more it has.
    pub n_cut: u64,
}

/// Cuts what is read into lines; keeps the beginning of an unfinished one.
#[derive(Debug, Default)]
pub struct LineSplitter {
    partial: Vec<u8>,
    n_cut: u64,
}

impl LineSplitter {
    /// Takes more bytes, and gives the lines that they end.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        each: &mut dyn FnMut(Line<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        while let Some(at) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&bytes[..at], &bytes[at + 1..]);
            match self.partial.is_empty() {
                true => {
                    let shown = line.len().min(MAX_LINE);
                    each(Line {
                        bytes: &line[..shown],
                        n_cut: (line.len() - shown) as u64,
                    })?;
                }
                false => {
                    self.keep(line);
                    self.finish(each)?;
                }
            }
            bytes = rest;
        }
        self.keep(bytes);
        Ok(())
    }

    /// Gives the last line, where no line break ended it.
    pub fn finish(&mut self, each: &mut dyn FnMut(Line<'_>) -> io::Result<()>) -> io::Result<()> {
        if self.partial.is_empty() {
            return Ok(());
        }
        let given = each(Line {
            bytes: &self.partial,
            n_cut: self.n_cut,
        });
        self.partial.clear();
        self.n_cut = 0;
        given
    }

    fn keep(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(MAX_LINE - self.partial.len());
        self.partial.extend_from_slice(&bytes[..kept]);
        self.n_cut += (bytes.len() - kept) as u64;
    }
}

/// Reads a stretch of a log; ends early where the file does.
pub fn read_stretch(
    file: &mut File,
    from: u64,
    to: u64,
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    let mut stretch = file.take(to.saturating_sub(from));
    let mut chunk = vec![0; to.saturating_sub(from).min(CHUNK as u64) as usize];
    loop {
        match stretch.read(&mut chunk)? {
            0 => return Ok(()),
            n => each(&chunk[..n])?,
        }
    }
}

/// The first place at or after `from` where a line begins, sought as far as a chunk; `from` where
/// there is none.
pub fn next_line_start(file: &mut File, from: u64) -> io::Result<u64> {
    if from == 0 {
        return Ok(0);
    }
    // The byte before decides whether `from` itself begins a line.
    file.seek(SeekFrom::Start(from - 1))?;
    let mut window = Vec::new();
    file.take(CHUNK as u64).read_to_end(&mut window)?;
    let found = window.iter().position(|&byte| byte == b'\n');
    Ok(found.map_or(from, |at| from + at as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of what is pushed piece by piece, as `text` or `text+N` where N bytes are cut.
    fn split(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut each = |line: Line<'_>| {
            let text = String::from_utf8_lossy(line.bytes).into_owned();
            lines.push(match line.n_cut {
                0 => text,
                n => format!("{}…+{n}", &text[..4]),
            });
            Ok(())
        };
        let mut splitter = LineSplitter::default();
        for piece in pieces {
            splitter.push(piece, &mut each).unwrap();
        }
        splitter.finish(&mut each).unwrap();
        lines
    }

    #[test]
    fn lines_come_whole_however_they_are_read() {
        assert_eq!(
            split(&[b"one\ntw", b"o\n\nthr", b"ee"]),
            ["one", "two", "", "three"]
        );
        assert_eq!(split(&[b"one\n"]), ["one"]);
        assert!(split(&[]).is_empty());
    }

    #[test]
    fn long_lines_are_cut() {
        let long = vec![b'x'; MAX_LINE + 10];
        assert_eq!(split(&[&long, b"y\nshort"]), ["xxxx…+11", "short"]);
        assert_eq!(
            split(&[&[&long[..], b"\nshort"].concat()]),
            ["xxxx…+10", "short"]
        );
    }

    #[test]
    fn a_stretch_begins_where_a_line_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "one\ntwo\nthree").unwrap();
        let mut file = File::open(path).unwrap();
        let starts: Vec<_> = [0, 1, 4, 5, 9]
            .map(|from| next_line_start(&mut file, from).unwrap())
            .to_vec();
        assert_eq!(starts, [0, 4, 4, 8, 9]);
    }
}
