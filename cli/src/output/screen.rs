//! A region at the bottom of a terminal that is drawn over and over, and lines above it that stay.

use super::text::width;
use std::io::{self, Write};

/// Draws on a terminal.
#[derive(Debug)]
pub struct Screen<W> {
    out: W,
    /// The width in columns of each line that is drawn.
    drawn: Vec<usize>,
}

impl<W: Write> Screen<W> {
    /// A terminal on which nothing is drawn.
    pub fn new(out: W) -> Self {
        Self {
            out,
            drawn: Vec::new(),
        }
    }

    /// Replaces the region by `above`, which stays, and `frame`, the new region. Each line of the
    /// frame is a text and the columns that it takes.
    pub fn draw(
        &mut self,
        above: &[u8],
        frame: &[(String, usize)],
        columns: usize,
    ) -> io::Result<()> {
        let mut bytes: Vec<u8> = Vec::new();
        // The terminal shows all of it at once, where it knows how to.
        bytes.extend_from_slice(b"\x1b[?2026h");
        if !self.drawn.is_empty() {
            write!(bytes, "\r\x1b[{}A\x1b[J", self.height(columns))?;
        }
        bytes.extend_from_slice(above);
        for (line, _) in frame {
            writeln!(bytes, "{line}")?;
        }
        bytes.extend_from_slice(b"\x1b[?2026l");
        self.drawn = frame.iter().map(|(_, columns)| *columns).collect();
        self.out.write_all(&bytes)?;
        self.out.flush()
    }

    /// Whether there is a region.
    pub fn is_drawn(&self) -> bool {
        !self.drawn.is_empty()
    }

    /// Writes where there is no region.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// How many rows the region takes, also where the terminal has become narrower since.
    fn height(&self, columns: usize) -> usize {
        let rows = |line: &usize| line.div_ceil(columns.max(1)).max(1);
        self.drawn.iter().map(rows).sum()
    }
}

/// A line of pieces, each plain text and the same text painted, cut at so many columns.
#[derive(Debug, Default)]
pub struct Row {
    text: String,
    used: usize,
}

impl Row {
    /// Adds a text as `paint` shows it, as far as it fits.
    pub fn add(&mut self, text: &str, columns: usize, paint: impl FnOnce(&str) -> String) {
        let text = super::text::fit(text, columns.saturating_sub(self.used));
        self.used += width(&text);
        self.text.push_str(&paint(&text));
    }

    /// The line and its width.
    pub fn finish(self) -> (String, usize) {
        (self.text, self.used)
    }
}
