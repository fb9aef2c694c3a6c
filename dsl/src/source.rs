//! A file as it was read: its text, its lines, and spans into it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic};

/// The longest file that is read: the largest pipeline seen in the field is below 1 MiB, and four
/// of these are still parsed within a second.
pub const MAX_FILE_BYTES: usize = 4 << 20;

/// The files of one check, by number: a span names its file, so that a template's mistake is shown
/// in the template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u16);

/// A stretch of a file, in bytes; `end` is exclusive.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file it lies in.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The stretch from `start` to `end` of `file`.
    pub const fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The smallest span that covers both; both lie in one file.
    pub fn to(self, other: Span) -> Span {
        debug_assert_eq!(self.file, other.file);
        Span::new(
            self.file,
            self.start.min(other.start),
            self.end.max(other.end),
        )
    }

    /// The empty span before the first byte.
    pub const fn before(self) -> Span {
        Span::new(self.file, self.start, self.start)
    }

    /// The empty span after the last byte.
    pub const fn after(self) -> Span {
        Span::new(self.file, self.end, self.end)
    }

    /// Whether `other` lies within.
    pub fn contains(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }

    /// As a range to index text with.
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Number of bytes.
    pub const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it covers nothing.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// Short, since every node of a printed tree has one.
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A place as people count it: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One file: where it came from, its text, and where its lines start.
#[derive(Clone, Debug)]
pub struct SourceFile {
    id: FileId,
    path: PathBuf,
    text: Box<str>,
    line_starts: Vec<u32>,
    unreadable: Option<Box<Diagnostic>>,
}

impl SourceFile {
    /// A file whose text is at hand. What is too long is cut and refused when it is parsed.
    pub fn new(id: FileId, path: impl Into<PathBuf>, text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        if text.len() > MAX_FILE_BYTES {
            let length = text.len();
            return Self::too_long(id, path.into(), text.as_bytes(), length);
        }
        Self::with_text(id, path.into(), text, None)
    }

    /// A file as it lies on the disk. What can't be read as text is kept with the reason, which
    /// the parser reports: no caller needs a path of its own for it.
    pub fn read(id: FileId, path: impl Into<PathBuf>, bytes: Vec<u8>) -> Self {
        let path = path.into();
        if bytes.len() > MAX_FILE_BYTES {
            return Self::too_long(id, path, &bytes, bytes.len());
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::with_text(id, path, text.into(), None),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let byte = error.as_bytes()[at];
                // Up to the bad byte the lossy text is the same, so that the place is right.
                let text = String::from_utf8_lossy(error.as_bytes());
                let end = at + char::REPLACEMENT_CHARACTER.len_utf8();
                let diagnostic = Diagnostic::error(
                    Code::NotUtf8,
                    "the file is not UTF-8",
                    Span::new(id, at as u32, end as u32),
                    format!("byte 0x{byte:02X} is not part of a character"),
                )
                .help("save the file as UTF-8");
                Self::with_text(id, path, text.into(), Some(diagnostic))
            }
        }
    }

    /// Keeps the first line only: enough to show where the file begins, and nothing of 64 MiB.
    fn too_long(id: FileId, path: PathBuf, bytes: &[u8], length: usize) -> Self {
        const SHOWN: usize = 200;
        let start = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
        let text = String::from_utf8_lossy(&start[..start.len().min(SHOWN)]);
        let diagnostic = Diagnostic::error(
            Code::FileTooLong,
            format!("the file has {length} bytes, the bound is {MAX_FILE_BYTES} (4 MiB)"),
            Span::new(id, 0, 0),
            "a file this long is not read",
        )
        .help("split it into several pipelines, or move data into a file that `read_json` reads");
        Self::with_text(id, path, text.into(), Some(diagnostic))
    }

    fn with_text(
        id: FileId,
        path: PathBuf,
        text: Box<str>,
        unreadable: Option<Diagnostic>,
    ) -> Self {
        let newlines = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let line_starts = std::iter::once(0)
            .chain(newlines.map(|(at, _)| at as u32 + 1))
            .collect();
        Self {
            id,
            path,
            text,
            line_starts,
            unreadable: unreadable.map(Box::new),
        }
    }

    /// Its number, which its spans carry.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// Where it was read from, as it is shown.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why it can't be read as a pipeline, if so.
    pub fn unreadable(&self) -> Option<&Diagnostic> {
        self.unreadable.as_deref()
    }

    /// The text of a span of this file; empty where the span isn't of this text.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The span of the whole text.
    pub fn span(&self) -> Span {
        Span::new(self.id, 0, self.text.len() as u32)
    }

    /// Number of lines; an empty file has one.
    pub fn lines(&self) -> u32 {
        self.line_starts.len() as u32
    }

    /// Line and column of an offset; an offset past the end is the end.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_starts.partition_point(|&start| start <= offset) as u32;
        let start = self.line_starts[line as usize - 1] as usize;
        let before = &self.text.as_bytes()[start..(offset as usize).clamp(start, self.text.len())];
        // A byte that continues a character (10xxxxxx) is not counted, whatever the offset.
        let column = before.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() as u32 + 1;
        Position { line, column }
    }

    /// The span of a line (from 1) without its line ending; `None` past the end.
    pub fn line(&self, line: u32) -> Option<Span> {
        let start = *self.line_starts.get((line as usize).checked_sub(1)?)?;
        let end = self
            .line_starts
            .get(line as usize)
            .map_or(self.text.len(), |&next| next as usize);
        let text = self.text[start as usize..end].trim_end_matches(['\n', '\r']);
        Some(Span::new(self.id, start, start + text.len() as u32))
    }
}

/// All files of one check.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file as it lies on the disk, and gives it its number.
    pub fn read(&mut self, path: impl Into<PathBuf>, bytes: Vec<u8>) -> &SourceFile {
        let file = SourceFile::read(self.next_id(), path, bytes);
        self.push(file)
    }

    /// Adds a file whose text is at hand, and gives it its number.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Box<str>>) -> &SourceFile {
        let file = SourceFile::new(self.next_id(), path, text);
        self.push(file)
    }

    /// The file of that number.
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(usize::from(id.0))
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    fn next_id(&self) -> FileId {
        FileId(u16::try_from(self.files.len()).unwrap_or(u16::MAX))
    }

    fn push(&mut self, file: SourceFile) -> &SourceFile {
        let at = self.files.len();
        self.files.push(file);
        &self.files[at]
    }
}
