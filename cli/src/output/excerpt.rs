//! Writes stretches of a log for people: each line behind a prefix, made harmless, with marks where
//! something is left out.

use super::log::{Line, LineSplitter, next_line_start, read_stretch};
use super::palette::Palette;
use super::sanitize;
use super::text::size;
use std::fs::File;
use std::io::{self, Write};

/// Where lines of a log are written to, and how.
pub struct Excerpt<'w> {
    /// To where.
    pub out: &'w mut dyn Write,
    /// What stands before each line.
    pub prefix: &'w str,
    /// Colors, or none.
    pub palette: Palette,
    /// The command that shows the whole log.
    pub command: &'w str,
}

impl Excerpt<'_> {
    /// Writes a stretch. A last line without an end stays in `lines`.
    pub fn stretch(
        &mut self,
        file: &mut File,
        from: u64,
        to: u64,
        lines: &mut LineSplitter,
    ) -> io::Result<()> {
        read_stretch(file, from, to, &mut |bytes| {
            lines.push(bytes, &mut |line| self.line(&line))
        })
    }

    /// Writes about so many bytes of the beginning and of the end of a stretch, and between them a
    /// mark that says how much is left out.
    pub fn head_and_tail(
        &mut self,
        file: &mut File,
        (from, to): (u64, u64),
        (head, tail): (u64, u64),
        lines: &mut LineSplitter,
    ) -> io::Result<()> {
        let head_to = next_line_start(file, (from + head).min(to))?.min(to);
        let tail_from = next_line_start(file, to.saturating_sub(tail).max(head_to))?.min(to);
        self.stretch(file, from, head_to, lines)?;
        if tail_from > head_to {
            self.finish(lines)?;
            let (n, command) = (size(tail_from - head_to), self.command);
            let mark = format!("[… {n} not shown; all of it: {command}]");
            writeln!(self.out, "{}{}", self.prefix, self.palette.warn(&mark))?;
        }
        self.stretch(file, tail_from, to, lines)
    }

    /// Writes a last line that has no end.
    pub fn finish(&mut self, lines: &mut LineSplitter) -> io::Result<()> {
        lines.finish(&mut |line| self.line(&line))
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.out.write_all(self.prefix.as_bytes())?;
        let text = sanitize::line(line.bytes, self.palette.is_colored());
        self.out.write_all(text.as_bytes())?;
        match line.n_cut {
            0 => writeln!(self.out),
            n => writeln!(self.out, " [… {} more]", size(n)),
        }
    }
}
