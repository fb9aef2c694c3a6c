//! Text to syntax tree: every mistake of a file at once, and all that could be read besides.
//!
//! The file is surveyed (characters, nesting, length), then read one statement after the other: the
//! grammar reads a statement up to its block, a loop walks the blocks. What the grammar does
//! not understand is skipped by a scan that knows brackets, and the statement after it is read as
//! if nothing had been.

#[cfg(test)]
mod agreement;
mod build;
mod expression;
mod foreign;
mod grammar;
mod number;
mod recover;
mod scan;
mod survey;
mod unexpected;
mod walk;

use pest::Parser as _;

use crate::ast::{Expr, File};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};

use build::Builder;
use grammar::{Grammar, Rule};
use walk::Walk;

pub use expression::MAX_EXPRESSION_DEPTH;
pub(crate) use scan::is_bidirectional;
pub use survey::{MAX_NESTING, MAX_STATEMENT_TOKENS, MAX_STATEMENTS, MAX_TOKENS};

/// After so many mistakes of one file the rest is not looked at: nobody reads more at once.
pub const MAX_DIAGNOSTICS: usize = 100;

/// What became of a file.
#[derive(Debug)]
pub struct Parsed {
    /// All that could be read.
    pub file: File,
    /// What could not, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    is_complete: bool,
}

impl Parsed {
    /// Whether the tree is the whole file. If it is not, a name that seems unknown may be defined
    /// where nothing could be read.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// Reads a file. It always ends, never panics, and takes time in proportion to the text.
pub fn parse(source: &SourceFile) -> Parsed {
    let survey = survey::survey(source);
    let mut walk = Walk::new(source, &source.text()[..survey.end]);
    if !survey.is_fatal {
        walk.run();
    }
    let is_complete = walk.is_complete && !survey.is_fatal;
    let mut diagnostics = survey.diagnostics;
    diagnostics.append(&mut walk.diagnostics);
    diagnostics.sort_by_key(Diagnostic::span);
    if diagnostics.len() > MAX_DIAGNOSTICS {
        diagnostics.truncate(MAX_DIAGNOSTICS);
        diagnostics.push(too_many(diagnostics[MAX_DIAGNOSTICS - 1].span()));
    }
    let file = File {
        statements: walk.statements,
        comments: survey.comments,
        span: source.span(),
    };
    Parsed {
        file,
        diagnostics,
        is_complete,
    }
}

/// Reads the expression of a `${…}`, which stands at `base` of its file.
pub(crate) fn expression(
    text: &str,
    base: Span,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Expr> {
    if let Some(diagnostic) = survey::refused_expression(text, base) {
        diagnostics.push(diagnostic);
        return None;
    }
    match Grammar::parse(Rule::interpolation, text) {
        Ok(mut pairs) => {
            let pair = pairs.next()?;
            Some(Builder::new(base.file, base.start, diagnostics).expression(pair))
        }
        Err(error) => {
            diagnostics.push(recover::unreadable_expression(text, base, &error));
            None
        }
    }
}

fn too_many(last: Span) -> Diagnostic {
    Diagnostic::error(
        Code::TooManyErrors,
        "too many mistakes",
        last,
        "the rest is not looked at",
    )
    .help("mend those above first")
}
