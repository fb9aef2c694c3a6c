//! What is wrong with a file, as data; several renderers show it.

mod code;
pub mod fix;
pub mod render;

pub use code::Code;

use crate::source::Span;

/// One mistake, with all that a reader needs in order to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable: a message may change, its code doesn't.
    pub code: Code,
    /// Whether anything can run.
    pub severity: Severity,
    /// One line, lower case, no full stop: what is wrong.
    pub headline: String,
    /// The primary one first; there always is one.
    pub labels: Vec<Label>,
    /// What to do, each a sentence.
    pub help: Vec<String>,
    /// What an editor, or `gantry check --fix`, can do about it.
    pub fix: Option<Fix>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The plan is made, but this is probably not what is meant.
    Warning,
    /// There is no plan.
    Error,
}

impl Severity {
    /// As it is shown: `error`, `warning`.
    pub const fn text(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place in a file, and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// What is underlined.
    pub span: Span,
    /// What stands beside the underline; may be empty.
    pub text: String,
}

/// A change of the text that mends the mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced; empty where something is inserted.
    pub span: Span,
    /// By what.
    pub replacement: String,
    /// How sure it is.
    pub applicability: Applicability,
}

/// How sure a fix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applicability {
    /// It is what was meant: a tool may apply it unasked.
    Machine,
    /// A guess: a person decides.
    Maybe,
}

impl Diagnostic {
    /// An error at `span`; `label` stands beside the underline.
    pub fn error(
        code: Code,
        headline: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Self {
        Self::new(code, Severity::Error, headline.into(), span, label.into())
    }

    /// A warning at `span`.
    pub fn warning(
        code: Code,
        headline: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Self {
        Self::new(code, Severity::Warning, headline.into(), span, label.into())
    }

    fn new(code: Code, severity: Severity, headline: String, span: Span, label: String) -> Self {
        let labels = vec![Label { span, text: label }];
        Self {
            code,
            severity,
            headline,
            labels,
            help: Vec::new(),
            fix: None,
        }
    }

    /// Adds a second place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Adds a line of advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Sets what mends it.
    #[must_use]
    pub fn fix(
        mut self,
        span: Span,
        replacement: impl Into<String>,
        applicability: Applicability,
    ) -> Self {
        self.fix = Some(Fix {
            span,
            replacement: replacement.into(),
            applicability,
        });
        self
    }

    /// Where it is.
    pub fn span(&self) -> Span {
        self.labels
            .first()
            .map_or_else(Span::default, |label| label.span)
    }

    /// Whether nothing can run.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
