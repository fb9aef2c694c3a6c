//! What is looked at before the grammar: characters that are refused, and the bounds that keep
//! every later step short.

use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::{SourceFile, Span};

use super::scan::{self, Kind, Scanner, Token};

/// How deep brackets may be nested: deeper than anybody reads, and shallow enough that a parser on
/// a small stack (a test's thread has 2 MiB) comes nowhere near its end.
pub const MAX_NESTING: usize = 64;

/// How many tokens one statement may have, without those of its block: the grammar keeps about
/// 300 bytes for each until the statement is read. A list of 10,000 texts fits.
pub const MAX_STATEMENT_TOKENS: usize = 50_000;

/// How many tokens a file may have: more than twice those of a pipeline of 10,000 jobs, and few
/// enough that to read them all never takes more than a second.
pub const MAX_TOKENS: usize = 500_000;

/// The longest expression in a `${…}`: what is longer deserves a name.
const MAX_INTERPOLATION_BYTES: usize = 1_000;

/// How many statements a file may have: twenty for each job of the largest plan, and a tree of
/// at most 100 MiB.
pub const MAX_STATEMENTS: usize = 200_000;

/// What the survey found.
pub(super) struct Survey {
    pub comments: Vec<Span>,
    /// Up to here the text can be read: an unclosed fence swallows what follows.
    pub end: usize,
    pub diagnostics: Vec<Diagnostic>,
    /// Nothing of the file should be read.
    pub is_fatal: bool,
}

/// Looks through the whole file once.
pub(super) fn survey(source: &SourceFile) -> Survey {
    let mut survey = Survey {
        comments: Vec::new(),
        end: source.text().len(),
        diagnostics: Vec::new(),
        is_fatal: false,
    };
    if let Some(reason) = source.unreadable() {
        survey.refuse(reason.clone());
    } else if let Some(diagnostic) = refused_character(source) {
        survey.refuse(diagnostic);
    } else {
        survey.tokens(source);
    }
    survey
}

/// What is wrong with the expression of a `${…}` before the grammar sees it.
pub(super) fn refused_expression(text: &str, base: Span) -> Option<Diagnostic> {
    if text.len() > MAX_INTERPOLATION_BYTES {
        let headline =
            format!("an expression in a text is longer than {MAX_INTERPOLATION_BYTES} bytes");
        return Some(
            Diagnostic::error(Code::ExpressionTooLong, headline, base, "too long")
                .help("give the value a name with `let`"),
        );
    }
    let mut depth = 0_usize;
    for token in Scanner::new(text, 0) {
        match token.kind {
            Kind::Open(_) if depth == MAX_NESTING => return Some(too_deep(base)),
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

impl Survey {
    fn refuse(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
        self.is_fatal = true;
    }

    fn tokens(&mut self, source: &SourceFile) {
        let span = |token: Token| Span::new(source.id(), token.start as u32, token.end as u32);
        // Each open bracket, and whether it opens a block, in which a newline ends a statement.
        let mut open: Vec<(u8, bool)> = Vec::new();
        let mut previous = Kind::Newline;
        let mut statement = None;
        let mut tokens = 0;
        let mut tokens_in_all = 0;
        for token in Scanner::new(source.text(), scan::start(source)) {
            let in_block = open.last().is_none_or(|&(_, is_block)| is_block);
            match token.kind {
                Kind::Newline if in_block => (statement, tokens) = (None, 0),
                Kind::Comment => self.comments.push(span(token)),
                Kind::ForeignComment => {
                    self.comments.push(span(token));
                    self.diagnostics.push(foreign_comment(source, token));
                }
                Kind::UnclosedFence => {
                    self.end = token.start;
                    self.diagnostics.push(unclosed_fence(source, token));
                }
                Kind::Open(bracket) => {
                    if open.len() == MAX_NESTING {
                        return self.refuse(too_deep(span(token)));
                    }
                    let is_value = previous == Kind::Assign || previous == Kind::Operator;
                    let is_block = bracket == b'{' && in_block && !is_value;
                    open.push((bracket, is_block));
                    if is_block {
                        (statement, tokens) = (None, 0);
                    }
                }
                Kind::Close(bracket) => {
                    // A closer that fits nothing is left to the parser; one that fits something
                    // further out closes what was forgotten within.
                    let fits = |&(opened, _): &(u8, bool)| scan::closer(opened) == bracket;
                    if let Some(at) = open.iter().rposition(fits) {
                        open.truncate(at);
                    }
                }
                _ => {}
            }
            if token.is_significant() {
                previous = token.kind;
                tokens += 1;
                tokens_in_all += 1;
                if tokens_in_all > MAX_TOKENS {
                    return self.refuse(too_many_tokens(span(token)));
                }
                let start = *statement.get_or_insert(token);
                if tokens > MAX_STATEMENT_TOKENS {
                    return self.refuse(too_long(span(start)));
                }
            }
        }
    }
}

fn refused_character(source: &SourceFile) -> Option<Diagnostic> {
    let text = source.text();
    let is_refused = |&(at, character): &(usize, char)| match character {
        '\n' | '\t' => false,
        '\r' => text.as_bytes().get(at + 1) != Some(&b'\n'),
        _ => character.is_control() || scan::is_bidirectional(character),
    };
    let (at, character) = text.char_indices().find(is_refused)?;
    let span = Span::new(source.id(), at as u32, (at + character.len_utf8()) as u32);
    let name = format!("U+{:04X}", u32::from(character));
    Some(if scan::is_bidirectional(character) {
        Diagnostic::error(
            Code::BidirectionalControl,
            format!("the file holds {name}, which changes the direction of what is shown"),
            span,
            "an invisible character",
        )
        .help("remove it: with it, a reader sees another text than the one that runs")
        .fix(span, "", Applicability::Maybe)
    } else {
        let (what, help) = match character {
            '\0' => ("a NUL character", "remove it; is this file text at all?"),
            '\r' => (
                "a carriage return without a newline",
                "end lines with a newline (LF or CRLF)",
            ),
            _ => (
                "a control character",
                "remove it; in a string it can be written `\\u{…}`",
            ),
        };
        Diagnostic::error(
            Code::ControlCharacter,
            format!("the file holds {what} ({name})"),
            span,
            "an invisible character",
        )
        .help(help)
    })
}

fn foreign_comment(source: &SourceFile, token: Token) -> Diagnostic {
    let span = Span::new(source.id(), token.start as u32, token.start as u32 + 2);
    let headline = "comments begin with `#`";
    let diagnostic = Diagnostic::error(Code::ForeignComment, headline, span, "not a comment");
    let is_address = source.text()[..token.start].ends_with(':');
    if is_address && source.slice(span) == "//" {
        let label = "a text is expected";
        return Diagnostic::error(Code::UnexpectedText, "an address is a text", span, label)
            .help("put it between quotation marks: \"https://…\"");
    }
    if source.slice(span) == "/*" {
        return diagnostic.help("write `#` before each of its lines, and nothing after the last");
    }
    diagnostic
        .help("write `#` instead of `//`")
        .fix(span, "#", Applicability::Machine)
}

fn unclosed_fence(source: &SourceFile, token: Token) -> Diagnostic {
    let rest = &source.text()[token.start..token.end];
    let quotes = rest.bytes().take_while(|&byte| byte == b'"').count();
    let span = Span::new(
        source.id(),
        token.start as u32,
        (token.start + quotes) as u32,
    );
    let fence = &rest[..quotes];
    Diagnostic::error(
        Code::UnclosedFence,
        "the text is not closed",
        span,
        "it begins here",
    )
    .help(format!("a line that begins with `{fence}` ends it"))
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(
        Code::NestingTooDeep,
        format!("brackets are nested more than {MAX_NESTING} deep"),
        span,
        "one too many",
    )
    .help("give a part of it a name with `let`")
}

fn too_many_tokens(span: Span) -> Diagnostic {
    Diagnostic::error(
        Code::TooManyTokens,
        format!("the file has more than {MAX_TOKENS} tokens"),
        span,
        "one too many",
    )
    .help("move the data into a JSON file, and read it with `read_json`")
}

fn too_long(span: Span) -> Diagnostic {
    Diagnostic::error(
        Code::StatementTooLong,
        format!("a statement has more than {MAX_STATEMENT_TOKENS} tokens"),
        span,
        "it begins here",
    )
    .help("move the data into a JSON file, and read it with `read_json`")
}
