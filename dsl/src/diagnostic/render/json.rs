//! Diagnostics for programs: a stable format, which grows but doesn't change.

use serde::Serialize;

use crate::diagnostic::{Applicability, Diagnostic, Severity};
use crate::source::{Sources, Span};

/// The document that `--format json` prints.
///
/// Fields may be added in a version; one that is renamed, removed or changes its meaning makes a
/// new one.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always `gantry-diagnostics`.
    pub format: &'static str,
    /// Of this format: 1.
    pub version: u32,
    /// In the order in which they are shown.
    pub diagnostics: Vec<Rendered>,
}

/// One diagnostic.
#[derive(Clone, Debug, Serialize)]
pub struct Rendered {
    /// `G0123`
    pub code: String,
    /// `error` or `warning`
    pub severity: &'static str,
    /// What is wrong, one line.
    pub headline: String,
    /// The first is the primary one.
    pub labels: Vec<RenderedLabel>,
    /// What to do.
    pub help: Vec<String>,
    /// What an editor can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Edit>,
}

/// A place, and what is to be said about it.
#[derive(Clone, Debug, Serialize)]
pub struct RenderedLabel {
    /// Where.
    #[serde(flatten)]
    pub location: Location,
    /// May be empty.
    pub text: String,
}

/// A change that mends it.
#[derive(Clone, Debug, Serialize)]
pub struct Edit {
    /// What is replaced.
    #[serde(flatten)]
    pub location: Location,
    /// By what.
    pub replacement: String,
    /// `machine`: may be applied unasked; `maybe`: a person decides.
    pub applicability: &'static str,
}

/// A stretch of a file; `end` is exclusive.
#[derive(Clone, Debug, Serialize)]
pub struct Location {
    /// As it was given.
    pub path: String,
    /// The first character.
    pub start: Place,
    /// After the last character.
    pub end: Place,
}

/// A place in a file.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// In bytes, from 0.
    pub offset: u32,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

impl Report {
    /// Of these diagnostics.
    pub fn new<'d>(
        diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
        sources: &Sources,
    ) -> Self {
        let diagnostics = diagnostics
            .into_iter()
            .map(|one| Rendered::new(one, sources))
            .collect();
        Self {
            format: "gantry-diagnostics",
            version: 1,
            diagnostics,
        }
    }
}

impl Rendered {
    fn new(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let label = |label: &crate::diagnostic::Label| RenderedLabel {
            location: Location::new(label.span, sources),
            text: label.text.clone(),
        };
        let fix = diagnostic.fix.as_ref().map(|fix| Edit {
            location: Location::new(fix.span, sources),
            replacement: fix.replacement.clone(),
            applicability: match fix.applicability {
                Applicability::Machine => "machine",
                Applicability::Maybe => "maybe",
            },
        });
        Self {
            code: diagnostic.code.to_string(),
            severity: Severity::text(diagnostic.severity),
            headline: diagnostic.headline.clone(),
            labels: diagnostic.labels.iter().map(label).collect(),
            help: diagnostic.help.clone(),
            fix,
        }
    }
}

impl Location {
    fn new(span: Span, sources: &Sources) -> Self {
        let source = sources.get(span.file);
        let place = |offset| {
            let at = source.map(|source| source.position(offset));
            let (line, column) = at.map_or((1, 1), |at| (at.line, at.column));
            Place {
                offset,
                line,
                column,
            }
        };
        let path = source.map(|source| source.path().to_string_lossy().into_owned());
        Self {
            path: path.unwrap_or_default(),
            start: place(span.start),
            end: place(span.end),
        }
    }
}
