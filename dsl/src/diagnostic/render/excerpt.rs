//! A line of a file as it is shown: tabs widened, characters measured, a long line cut around what
//! matters, and the labels below it.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use crate::source::{SourceFile, Span};

use super::safe::push_safe;

/// How many columns of a line are shown; a terminal that is narrower wraps.
const MAX_COLUMNS: usize = 120;

/// How much is kept before what matters, where a line is cut.
const COLUMNS_BEFORE: usize = 30;

/// How many columns a tab takes.
const TAB: &str = "    ";

/// Bytes that are looked at on each side of what matters: no more fit into the columns, whatever
/// their width, and a line of 4 MiB is not measured for each of its mistakes.
const BYTES_AROUND: usize = 4 * MAX_COLUMNS;

/// A mark under a line.
pub(super) struct Mark<'d> {
    pub span: Span,
    pub text: &'d str,
    pub is_primary: bool,
}

/// A line to be shown, and what stands below it: runs of text, each with what it is.
pub(super) struct Excerpt {
    pub line: String,
    pub below: Vec<Vec<Run>>,
}

/// A part of a line below.
pub(super) enum Run {
    Blank(usize),
    /// Text of a label, or its underline.
    Marked {
        text: String,
        is_primary: bool,
    },
}

/// A mark in columns.
struct Placed<'d> {
    columns: Range<usize>,
    text: &'d str,
    is_primary: bool,
}

impl Excerpt {
    /// Of that line; every mark begins in it.
    pub fn new(source: &SourceFile, line: Span, marks: &[Mark<'_>]) -> Self {
        let focus = marks.iter().find(|mark| mark.is_primary).or(marks.first());
        let focus = focus.map_or(line.start, |mark| mark.span.start);
        let shown = Shown::new(source, line, focus);
        let mut placed: Vec<_> = marks.iter().map(|mark| shown.place(mark)).collect();
        placed.sort_by_key(|mark| (mark.columns.start, mark.columns.end));
        Self {
            line: shown.text,
            below: below(&placed),
        }
    }
}

/// What is shown of a line, and at which column each of its characters stands.
struct Shown {
    text: String,
    /// Byte in the file and column of each character, and of the end.
    columns: Vec<(u32, usize)>,
}

impl Shown {
    fn new(source: &SourceFile, line: Span, focus: u32) -> Self {
        let text = source.text();
        let floor = |at: usize| {
            (0..=at)
                .rev()
                .find(|&at| text.is_char_boundary(at))
                .unwrap_or(0)
        };
        let focus = (focus as usize).clamp(line.start as usize, line.end as usize);
        let start = floor(focus.saturating_sub(BYTES_AROUND)).max(line.start as usize);
        let end = floor((focus + BYTES_AROUND).min(text.len())).min(line.end as usize);
        let end = end.max(start);

        let mut cells: Vec<(usize, String, usize)> = Vec::new();
        let (mut width, mut before) = (0, 0);
        for (at, character) in text[start..end].char_indices() {
            let mut cell = String::new();
            match character {
                '\t' => cell.push_str(TAB),
                _ => push_safe(&mut cell, character),
            }
            let columns = cell.chars().map(|c| c.width().unwrap_or(0)).sum();
            if start + at < focus {
                before += columns;
            }
            width += columns;
            cells.push((start + at, cell, columns));
        }
        let is_whole = start == line.start as usize && end == line.end as usize;
        if is_whole && width <= MAX_COLUMNS {
            return Self::of(&cells, end, false, false);
        }
        // Skip until little enough is left before what matters, and stop where the columns do.
        let skip = if width - before + COLUMNS_BEFORE < MAX_COLUMNS && end == line.end as usize {
            width.saturating_sub(MAX_COLUMNS)
        } else {
            before.saturating_sub(COLUMNS_BEFORE)
        };
        let (mut first, mut skipped) = (0, 0);
        while first < cells.len() && skipped < skip {
            skipped += cells[first].2;
            first += 1;
        }
        let (mut last, mut kept) = (first, 0);
        while last < cells.len() && kept + cells[last].2 <= MAX_COLUMNS {
            kept += cells[last].2;
            last += 1;
        }
        let cut_before = first > 0 || start > line.start as usize;
        let cut_after = last < cells.len() || end < line.end as usize;
        let end = cells.get(last).map_or(end, |cell| cell.0);
        Self::of(&cells[first..last], end, cut_before, cut_after)
    }

    fn of(cells: &[(usize, String, usize)], end: usize, before: bool, after: bool) -> Self {
        let mut shown = Shown {
            text: String::new(),
            columns: Vec::new(),
        };
        let mut column = 0;
        if before {
            shown.text.push('…');
            column += 1;
        }
        for (at, cell, width) in cells {
            shown.columns.push((*at as u32, column));
            shown.text.push_str(cell);
            column += width;
        }
        shown.columns.push((end as u32, column));
        if after {
            shown.text.push('…');
        }
        shown
    }

    /// The columns of a mark, clamped to what is shown; at least one.
    fn place<'d>(&self, mark: &Mark<'d>) -> Placed<'d> {
        let start = self.column(mark.span.start);
        let end = self.column(mark.span.end).max(start + 1);
        Placed {
            columns: start..end,
            text: mark.text,
            is_primary: mark.is_primary,
        }
    }

    fn column(&self, offset: u32) -> usize {
        let at = self.columns.partition_point(|&(at, _)| at < offset);
        self.columns
            .get(at)
            .or(self.columns.last())
            .map_or(0, |&(_, column)| column)
    }
}

/// The underlines, the text of the rightmost beside its own, and the others' below it, from right
/// to left, so that no line crosses a text.
fn below(marks: &[Placed<'_>]) -> Vec<Vec<Run>> {
    let Some((rightmost, others)) = marks.split_last() else {
        return Vec::new();
    };
    let overlaps = others
        .iter()
        .any(|mark| mark.columns.end > rightmost.columns.start);
    let beside = !overlaps && !rightmost.text.is_empty();
    let mut first = underlines(marks);
    if beside {
        first.push(Run::Blank(1));
        first.push(rightmost.text_run());
    }
    let mut rows = vec![first];
    let hanging = if beside { others } else { marks };
    let hanging: Vec<_> = hanging
        .iter()
        .filter(|mark| !mark.text.is_empty())
        .collect();
    for (index, mark) in hanging.iter().enumerate().rev() {
        let mut row = Row::default();
        for other in &hanging[..index] {
            row.put(other.columns.start, "|", other.is_primary);
        }
        // Where two begin in one column, the bar of the left one gives way.
        row.truncate(mark.columns.start);
        row.runs
            .push(Run::Blank(mark.columns.start.saturating_sub(row.width)));
        row.runs.push(mark.text_run());
        rows.push(row.runs);
    }
    rows
}

/// `^^^` under what is primary, `---` under the others; the primary ones lie above.
fn underlines(marks: &[Placed<'_>]) -> Vec<Run> {
    let width = marks.iter().map(|mark| mark.columns.end).max().unwrap_or(0);
    let mut cells = vec![b' '; width];
    for wanted in [false, true] {
        for mark in marks.iter().filter(|mark| mark.is_primary == wanted) {
            cells[mark.columns.clone()].fill(if wanted { b'^' } else { b'-' });
        }
    }
    let runs = cells.chunk_by(|left, right| left == right);
    runs.map(|run| match run[0] {
        b' ' => Run::Blank(run.len()),
        mark => Run::Marked {
            text: char::from(mark).to_string().repeat(run.len()),
            is_primary: mark == b'^',
        },
    })
    .collect()
}

impl Placed<'_> {
    fn text_run(&self) -> Run {
        let mut text = String::new();
        self.text
            .chars()
            .for_each(|character| push_safe(&mut text, character));
        Run::Marked {
            text,
            is_primary: self.is_primary,
        }
    }
}

#[derive(Default)]
struct Row {
    runs: Vec<Run>,
    width: usize,
}

impl Row {
    fn put(&mut self, column: usize, text: &str, is_primary: bool) {
        if column < self.width {
            return;
        }
        self.runs.push(Run::Blank(column - self.width));
        self.runs.push(Run::Marked {
            text: text.to_owned(),
            is_primary,
        });
        self.width = column + text.len();
    }

    fn truncate(&mut self, column: usize) {
        if self.width > column {
            self.runs.pop();
            self.width -= 1;
        }
    }
}
