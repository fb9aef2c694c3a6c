//! Shows what is wrong with a pipeline.

use crate::error::Error;
use crate::output::{Palette, text};
use dsl::diagnostic::render::{self, Style};
use dsl::diagnostic::{Code, Diagnostic};
use dsl::source::{SourceFile, Sources, Span};
use model::plan::Unsupported;
use model::spec::Place;
use std::io::{self, Write};
use std::path::Path;

/// Shows mistakes for people, an empty line behind each.
pub fn show(
    found: &[Diagnostic],
    sources: &Sources,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = match palette.is_colored() {
        true => Style::Color,
        false => Style::Plain,
    };
    for diagnostic in found {
        writeln!(out, "{}", render::full(diagnostic, sources, style))?;
    }
    Ok(())
}

/// Shows mistakes on standard error.
pub fn report(found: &[Diagnostic], sources: &Sources) -> io::Result<()> {
    show(found, sources, Palette::stderr(), &mut io::stderr().lock())
}

/// The error that ends a command after mistakes were shown.
pub fn failed(found: &[Diagnostic], path: &Path) -> Error {
    let errors: Vec<_> = found.iter().filter(|found| found.is_error()).collect();
    let mut error = Error::pipeline(format!(
        "{} in {}",
        text::count(errors.len(), "error"),
        path.display()
    ));
    if let Some(first) = errors.first() {
        let code = first.code;
        error = error.hint(format!("`gantry explain {code}` says more about {code}"));
    }
    error
}

/// What this build can't carry out, as a mistake with its place.
#[must_use]
pub fn unsupported(word: &Unsupported, source: &SourceFile) -> Diagnostic {
    let span = span_of(source, word.place, word.word.len());
    let headline = format!("this build can't execute `{}`", word.word);
    Diagnostic::error(Code::NotInThisBuild, headline, span, "not in this build").help(&word.help)
}

fn span_of(source: &SourceFile, place: Place, length: usize) -> Span {
    let Some(line) = source.line(place.line) else {
        return source.span().before();
    };
    let text = source.slice(line);
    let before: usize = text
        .chars()
        .take(place.column.saturating_sub(1) as usize)
        .map(char::len_utf8)
        .sum();
    let start = line.start + before as u32;
    let end = (start as usize + length).min(line.end as usize) as u32;
    Span::new(source.id(), start, end.max(start))
}
