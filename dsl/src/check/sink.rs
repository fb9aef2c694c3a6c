//! Where diagnostics are gathered: once each, in the order of the text.

use crate::diagnostic::{Code, Diagnostic};
use crate::names::closest;
use crate::source::Span;
use std::collections::BTreeSet;

/// After so many mistakes the rest is counted only: nobody reads more at once, and a "did you mean"
/// over thousands of names is not free.
pub(crate) const MAX_DIAGNOSTICS: usize = 100;

/// The diagnostics so far.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    list: Vec<Diagnostic>,
    /// What was said where, so that what is evaluated twice is said once.
    said: BTreeSet<(Code, Span)>,
    /// While it is not 0, nothing is said.
    muted: u32,
    /// Names that stand in statements that could not be read: who uses one is not told that it is
    /// unknown.
    excused: BTreeSet<String>,
}

impl Sink {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.muted == 0
            && self.list.len() < MAX_DIAGNOSTICS
            && self.said.insert((diagnostic.code, diagnostic.span()))
        {
            self.list.push(diagnostic);
        }
    }

    pub(crate) fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }

    pub(crate) fn mute(&mut self) {
        self.muted += 1;
    }

    pub(crate) fn unmute(&mut self) {
        self.muted -= 1;
    }

    pub(crate) fn is_muted(&self) -> bool {
        self.muted > 0
    }

    pub(crate) fn excuse(&mut self, name: &str) {
        self.excused.insert(name.to_owned());
    }

    /// A name that means nothing here, with the one that may have been meant. Nothing is said where
    /// it may be defined in what could not be read.
    pub(crate) fn unknown<'n>(
        &mut self,
        code: Code,
        headline: impl Into<String>,
        name: &str,
        span: Span,
        candidates: impl IntoIterator<Item = &'n str>,
    ) {
        self.unknown_with(code, headline, name, span, candidates, None);
    }

    /// The same, with advice for the case that nothing is near.
    pub(crate) fn unknown_with<'n>(
        &mut self,
        code: Code,
        headline: impl Into<String>,
        name: &str,
        span: Span,
        candidates: impl IntoIterator<Item = &'n str>,
        otherwise: Option<String>,
    ) {
        if self.excused.contains(name) || self.is_full() {
            return;
        }
        let mut diagnostic = Diagnostic::error(code, headline, span, "not known here");
        if let Some(meant) = closest(name, candidates) {
            diagnostic = diagnostic.meant(span, meant);
        } else if let Some(help) = otherwise {
            diagnostic = diagnostic.help(help);
        }
        self.push(diagnostic);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.muted > 0 || self.list.len() >= MAX_DIAGNOSTICS
    }

    /// Whether a bound has been said to be passed already: once is enough.
    pub(crate) fn has(&self, code: Code) -> bool {
        self.list.iter().any(|said| said.code == code)
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list
            .sort_by_key(|diagnostic| (diagnostic.span(), diagnostic.code));
        self.list
    }
}

impl Diagnostic {
    /// Says which name was probably meant, and offers to write it.
    pub(crate) fn meant(self, span: Span, name: &str) -> Self {
        self.help(format!("did you mean `{name}`?")).fix(
            span,
            name,
            crate::diagnostic::Applicability::Maybe,
        )
    }
}
