//! For people: headline, the lines with what is wrong underlined, and what to do.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::{FileId, SourceFile, Sources};

use super::excerpt::{Excerpt, Mark, Run};
use super::safe::safe;

/// Whether colors may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    #[default]
    Plain,
    /// With ANSI escapes.
    Color,
}

/// What a piece of text is, and so which color it has.
#[derive(Clone, Copy)]
enum Role {
    Headline,
    Primary(Severity),
    Secondary,
    Gutter,
    Help,
}

impl Style {
    fn paint(self, role: Role, text: &str) -> String {
        if self == Style::Plain || text.is_empty() {
            return text.to_owned();
        }
        let code = match role {
            Role::Headline => "1",
            Role::Primary(Severity::Error) => "1;31",
            Role::Primary(Severity::Warning) => "1;33",
            Role::Secondary => "1;34",
            Role::Gutter => "34",
            Role::Help => "1;36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Several lines, with a newline after the last.
pub fn full(diagnostic: &Diagnostic, sources: &Sources, style: Style) -> String {
    let mut page = Page {
        style,
        severity: diagnostic.severity,
        gutter: 1,
        text: String::new(),
    };
    let what = format!("{}[{}]", diagnostic.severity.text(), diagnostic.code);
    let what = style.paint(Role::Primary(diagnostic.severity), &what);
    let headline = style.paint(Role::Headline, &format!(": {}", safe(&diagnostic.headline)));
    page.text = format!("{what}{headline}\n");

    let files = by_file(&diagnostic.labels, sources);
    let last_line = files
        .iter()
        .flat_map(|file| file.lines.keys())
        .max()
        .copied()
        .unwrap_or(1);
    page.gutter = last_line.to_string().len();
    for (index, file) in files.iter().enumerate() {
        page.file(file, index == 0);
    }
    if !files.is_empty() && !diagnostic.help.is_empty() {
        page.bar("");
    }
    for help in &diagnostic.help {
        let gutter = " ".repeat(page.gutter);
        let equals = style.paint(Role::Gutter, "=");
        let word = style.paint(Role::Help, "help");
        page.text
            .push_str(&format!("{gutter} {equals} {word}: {}\n", safe(help)));
    }
    page.text
}

/// The labels of one file, by line.
struct InFile<'d> {
    source: &'d SourceFile,
    /// Where the arrow points.
    first: &'d Label,
    lines: BTreeMap<u32, Vec<Mark<'d>>>,
}

/// In the order in which the labels name the files.
fn by_file<'d>(labels: &'d [Label], sources: &'d Sources) -> Vec<InFile<'d>> {
    let mut files: Vec<(FileId, InFile<'d>)> = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        let Some(source) = sources.get(label.span.file) else {
            continue;
        };
        let known = files.iter().position(|(id, _)| *id == label.span.file);
        let at = known.unwrap_or_else(|| {
            let file = InFile {
                source,
                first: label,
                lines: BTreeMap::new(),
            };
            files.push((label.span.file, file));
            files.len() - 1
        });
        let line = source.position(label.span.start).line;
        let mark = Mark {
            span: label.span,
            text: &label.text,
            is_primary: index == 0,
        };
        files[at].1.lines.entry(line).or_default().push(mark);
    }
    files.into_iter().map(|(_, file)| file).collect()
}

struct Page {
    style: Style,
    severity: Severity,
    /// Columns of the line numbers.
    gutter: usize,
    text: String,
}

impl Page {
    fn file(&mut self, file: &InFile<'_>, is_first: bool) {
        let at = file.source.position(file.first.span.start);
        if !is_first {
            self.bar("");
        }
        let arrow = if is_first { "-->" } else { ":::" };
        let path = file.source.path().to_string_lossy();
        let arrow = self.style.paint(Role::Gutter, arrow);
        let gutter = " ".repeat(self.gutter);
        self.text.push_str(&format!(
            "{gutter}{arrow} {}:{}:{}\n",
            safe(&path),
            at.line,
            at.column
        ));
        self.bar("");
        let mut previous: Option<u32> = None;
        for (&line, marks) in &file.lines {
            match previous.map(|previous| line - previous) {
                None | Some(1) => {}
                // One line between two is shown rather than left out.
                Some(2) => self.line(file.source, line - 1, &[]),
                Some(_) => self.text.push_str("...\n"),
            }
            self.line(file.source, line, marks);
            previous = Some(line);
        }
    }

    fn line(&mut self, source: &SourceFile, number: u32, marks: &[Mark<'_>]) {
        let Some(span) = source.line(number) else {
            return;
        };
        let excerpt = Excerpt::new(source, span, marks);
        let gutter = format!("{number:>width$} |", width = self.gutter);
        let gutter = self.style.paint(Role::Gutter, &gutter);
        push_trimmed(&mut self.text, &format!("{gutter} {}", excerpt.line));
        for runs in &excerpt.below {
            let mut below = String::new();
            for run in runs {
                match run {
                    Run::Blank(columns) => below.push_str(&" ".repeat(*columns)),
                    Run::Marked { text, is_primary } => {
                        let role = match is_primary {
                            true => Role::Primary(self.severity),
                            false => Role::Secondary,
                        };
                        below.push_str(&self.style.paint(role, text));
                    }
                }
            }
            self.bar(&below);
        }
    }

    /// A line without a number.
    fn bar(&mut self, text: &str) {
        let gutter = format!("{:width$} |", "", width = self.gutter);
        let gutter = self.style.paint(Role::Gutter, &gutter);
        push_trimmed(&mut self.text, &format!("{gutter} {text}"));
    }
}

/// Nothing that is shown ends in blanks.
fn push_trimmed(page: &mut String, line: &str) {
    page.push_str(line.trim_end());
    page.push('\n');
}
