//! Goes through a file statement by statement and block by block, and goes on after mistakes.

use pest::Parser as _;

use crate::ast::{Block, Broken, Node, Statement};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::{SourceFile, Span};

use super::build::Builder;
use super::grammar::{Grammar, Rule};
use super::scan::{self, Kind, Scanner, Token};
use super::{MAX_DIAGNOSTICS, MAX_STATEMENT_TOKENS, MAX_STATEMENTS, recover, too_many};

/// How many tokens may be skipped over in all: text that is no pipeline at all ends soon.
const MAX_SKIPPED_TOKENS: usize = 4 * MAX_STATEMENT_TOKENS;

pub(super) struct Walk<'s> {
    source: &'s SourceFile,
    /// What is read of it.
    text: &'s str,
    at: usize,
    /// The blocks that are open, the innermost last.
    open: Vec<OpenBlock>,
    /// Those of the innermost block, or of the file.
    pub statements: Vec<Statement>,
    pub diagnostics: Vec<Diagnostic>,
    /// Statements that were read so far.
    count: usize,
    /// Tokens that were skipped over so far.
    skipped: usize,
    /// The first block whose end stands further left than its beginning: should a brace be missing
    /// at the end, this is the one that lacks it.
    misindented: Option<(Span, Span)>,
    /// Whether all was read so far.
    pub is_complete: bool,
}

struct OpenBlock {
    brace: usize,
    owner: Owner,
    /// Those of the block around it.
    outer: Vec<Statement>,
}

enum Owner {
    Node(Box<Node>),
    Broken(Broken),
}

/// What stands before a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The beginning of the file or of a block.
    Nothing,
    /// Another one, so that something must part the two.
    Statement,
    /// One that could not be read, and that may have swallowed what parts the two.
    Mistake,
}

/// What stands between two statements.
#[derive(Default)]
struct Gap {
    separates: bool,
    /// A comma that separates nothing.
    stray: Option<Token>,
}

impl<'s> Walk<'s> {
    pub fn new(source: &'s SourceFile, text: &'s str) -> Self {
        Self {
            source,
            text,
            at: scan::start(source),
            open: Vec::new(),
            statements: Vec::new(),
            diagnostics: Vec::new(),
            count: 0,
            skipped: 0,
            misindented: None,
            is_complete: text.len() == source.text().len(),
        }
    }

    /// Reads the whole file.
    pub fn run(&mut self) {
        let mut before = Before::Nothing;
        loop {
            let gap = self.gap(before);
            if let Some(comma) = gap.stray {
                self.stray_comma(comma);
            }
            before = match self.text.as_bytes().get(self.at) {
                None => break,
                Some(b'}') => {
                    self.close();
                    Before::Statement
                }
                Some(_) if self.count == MAX_STATEMENTS => {
                    self.too_many_statements();
                    return self.close_all();
                }
                Some(_) => {
                    if before == Before::Statement && !gap.separates {
                        self.missing_separator();
                    }
                    self.count += 1;
                    self.statement()
                }
            };
            if self.skipped > MAX_SKIPPED_TOKENS {
                let span = self.span(self.at, self.at);
                self.diagnostics.push(too_many(span));
                return self.close_all();
            }
            if self.diagnostics.len() > MAX_DIAGNOSTICS {
                return self.close_all();
            }
        }
        if !self.open.is_empty() {
            if !self.is_cut() {
                self.unclosed_block();
            }
            self.close_all();
        }
    }

    /// Whether an unclosed fence swallows the end of the file. It has been reported, and what lacks
    /// its end lacks it for no other reason.
    fn is_cut(&self) -> bool {
        self.text.len() < self.source.text().len()
    }

    /// Skips newlines, comments and the one comma that may stand between two statements.
    fn gap(&mut self, before: Before) -> Gap {
        let mut gap = Gap::default();
        let mut comma_may_stand = before != Before::Nothing;
        for token in Scanner::new(self.text, self.at) {
            match token.kind {
                Kind::Newline => gap.separates = true,
                Kind::Comment | Kind::ForeignComment => {}
                Kind::Comma if comma_may_stand => {
                    gap.separates = true;
                    comma_may_stand = false;
                }
                Kind::Comma => {
                    gap.stray.get_or_insert(token);
                }
                Kind::Semicolon => {
                    gap.separates = true;
                    self.semicolon(token);
                }
                _ => {
                    self.at = token.start;
                    return gap;
                }
            }
        }
        self.at = self.text.len();
        gap
    }

    /// Reads one statement, or one up to its block. Gives what stands before the next.
    fn statement(&mut self) -> Before {
        match Grammar::parse(Rule::piece, &self.text[self.at..]) {
            Ok(mut pairs) => {
                let Some(pair) = pairs.next() else {
                    return Before::Mistake;
                };
                let base = self.at;
                self.at = base + pair.as_span().end();
                let mut builder =
                    Builder::new(self.source.id(), base as u32, &mut self.diagnostics);
                let statement = builder.piece(pair);
                if let Some(brace) = builder.dangling {
                    self.at = brace as usize;
                }
                let brace = Scanner::new(self.text, self.at).peek();
                match (statement, brace) {
                    (Statement::Node(node), Some(token)) if token.kind == Kind::Open(b'{') => {
                        self.open(token.start, Owner::Node(node));
                        Before::Nothing
                    }
                    (statement, _) => {
                        self.statements.push(statement);
                        Before::Statement
                    }
                }
            }
            Err(error) => self.recover(&error),
        }
    }

    fn recover(&mut self, error: &pest::error::Error<Rule>) -> Before {
        let skipped = recover::skip(self.text, self.at);
        self.is_complete = false;
        self.skipped += skipped.tokens;
        let start = self.at;
        let is_reported = self.is_cut() && skipped.next == self.text.len()
            || recover::is_address(self.text, start, error);
        if !is_reported {
            let diagnostic = recover::diagnose(self.source, self.text, start, &skipped, error);
            self.diagnostics.push(diagnostic);
        }
        self.at = skipped.next;
        let names = skipped.names(self.source);
        let broken = Broken {
            names,
            block: None,
            span: self.span(start, skipped.end),
        };
        match skipped.block {
            Some(brace) => {
                self.open(brace, Owner::Broken(broken));
                Before::Nothing
            }
            None => {
                self.statements.push(Statement::Broken(broken));
                Before::Mistake
            }
        }
    }

    fn open(&mut self, brace: usize, owner: Owner) {
        let outer = std::mem::take(&mut self.statements);
        self.open.push(OpenBlock {
            brace,
            owner,
            outer,
        });
        self.at = brace + 1;
    }

    /// Ends the innermost block at the `}` that is next.
    fn close(&mut self) {
        let brace = self.at;
        self.at += 1;
        if self.open.is_empty() {
            let span = self.span(brace, brace + 1);
            self.diagnostics.push(
                Diagnostic::error(
                    Code::StrayBracket,
                    "nothing is open that `}` closes",
                    span,
                    "one too many",
                )
                .help("remove it, or look for a block above that ends too early"),
            );
            return;
        }
        self.note_indentation(brace);
        self.close_block();
    }

    fn close_block(&mut self) {
        let Some(block) = self.open.pop() else { return };
        let mut statements = std::mem::replace(&mut self.statements, block.outer);
        statements.shrink_to_fit();
        let span = self.span(block.brace, self.at);
        let body = Some(Block { statements, span });
        self.statements.push(match block.owner {
            Owner::Node(mut node) => {
                node.span = node.span.to(span);
                node.block = body;
                Statement::Node(node)
            }
            Owner::Broken(broken) => {
                let span = broken.span.to(span);
                Statement::Broken(Broken {
                    block: body,
                    span,
                    ..broken
                })
            }
        });
    }

    /// Ends all blocks at the end of the text, wherever the parser is.
    fn close_all(&mut self) {
        self.is_complete = false;
        self.at = self.text.len();
        while !self.open.is_empty() {
            self.close_block();
        }
    }

    fn note_indentation(&mut self, brace: usize) {
        let Some(block) = self.open.last() else {
            return;
        };
        let is_first_on_line = self.text[..brace]
            .trim_end_matches([' ', '\t'])
            .ends_with('\n');
        if self.misindented.is_none()
            && is_first_on_line
            && self.indentation(brace) < self.indentation(block.brace)
        {
            let (open, close) = (block.brace, brace);
            self.misindented = Some((self.span(open, open + 1), self.span(close, close + 1)));
        }
    }

    /// How many bytes of blank the line of that offset begins with.
    fn indentation(&self, offset: usize) -> usize {
        let line = self.text[..offset]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        self.text[line..]
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count()
    }

    fn unclosed_block(&mut self) {
        let Some(innermost) = self.open.last() else {
            return;
        };
        let brace = self.span(innermost.brace, innermost.brace + 1);
        let diagnostic = match self.misindented {
            Some((open, close)) => unclosed(open, "this `{` seems to lack its `}`")
                .label(close, "this `}` closes it, but stands further left"),
            None => unclosed(brace, "this `{` is not closed"),
        };
        self.diagnostics.push(diagnostic);
    }

    fn too_many_statements(&mut self) {
        let span = self.span(self.at, self.at);
        self.diagnostics.push(
            Diagnostic::error(
                Code::TooManyStatements,
                format!("the file has more than {MAX_STATEMENTS} statements"),
                span,
                "one too many",
            )
            .help("split it into several pipelines, or use a template and `for`"),
        );
    }

    fn stray_comma(&mut self, comma: Token) {
        let span = self.span(comma.start, comma.end);
        self.diagnostics.push(
            Diagnostic::error(
                Code::UnexpectedText,
                "nothing stands before this comma",
                span,
                "a statement is expected",
            )
            .help("remove it")
            .fix(span, "", Applicability::Machine),
        );
    }

    fn semicolon(&mut self, token: Token) {
        let span = self.span(token.start, token.end);
        let next = Scanner::new(self.text, token.end).next();
        let is_last =
            next.is_none_or(|next| !next.is_significant() || next.kind == Kind::Close(b'}'));
        let (help, replacement) = match is_last {
            true => ("remove it", ""),
            false => ("write `,` or start a new line", ","),
        };
        self.diagnostics.push(
            Diagnostic::error(
                Code::ForeignSeparator,
                "a statement ends with its line or `,`",
                span,
                "`;` ends nothing",
            )
            .help(help)
            .fix(span, replacement, Applicability::Machine),
        );
    }

    fn missing_separator(&mut self) {
        let end = Scanner::new(self.text, self.at)
            .next()
            .map_or(self.at, |token| token.end);
        let span = self.span(self.at, end);
        self.diagnostics.push(
            Diagnostic::error(
                Code::MissingSeparator,
                "two statements on one line",
                span,
                "a new line or `,` is expected before it",
            )
            .help("start a new line")
            .fix(span.before(), "\n", Applicability::Machine),
        );
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source.id(), start as u32, end as u32)
    }
}

fn unclosed(span: Span, label: &str) -> Diagnostic {
    Diagnostic::error(Code::UnclosedBracket, "a block is not closed", span, label)
        .help("add the missing `}`")
}
