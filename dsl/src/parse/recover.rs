//! What to do with a statement that the grammar does not understand: find its end, and say what is
//! wrong with it.

use pest::error::{Error, InputLocation};

use crate::ast::Name;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::{FileId, SourceFile, Span};

use super::grammar::Rule;
use super::scan::{self, Kind, Scanner, Token};
use super::unexpected::Unexpected;

/// A statement that was skipped.
pub(super) struct Skipped {
    /// Where it ends.
    pub end: usize,
    /// Where to read on.
    pub next: usize,
    /// The brace of its block: what is in it can be read.
    pub block: Option<usize>,
    /// How many tokens it has.
    pub tokens: usize,
    /// The names in its header.
    names: Vec<(usize, Box<str>)>,
    problem: Option<Problem>,
}

/// What the scan itself finds wrong, which is closer to the cause than what the grammar says.
enum Problem {
    UnclosedText(Token),
    /// It begins there, and its last mark stands on another line.
    ManyLines(Token),
    OneLineFence(Token),
    /// The bracket, and what stands where its closer is expected.
    UnclosedBracket(Token, Option<Token>),
    StrayBracket(Token),
    /// The bracket, and what stands in the place of its closer.
    WrongCloser(Token, Token),
    /// An operator before the `{` of a block.
    DanglingOperator(Token),
}

impl Skipped {
    pub fn names(&self, source: &SourceFile) -> Vec<Name> {
        let name = |(at, text): &(usize, Box<str>)| {
            let span = Span::new(source.id(), *at as u32, (*at + text.len()) as u32);
            Name {
                text: text.clone(),
                span,
            }
        };
        self.names.iter().map(name).collect()
    }
}

/// How many names of a statement are kept: those that it may define stand at its beginning.
const MAX_NAMES: usize = 16;

/// Finds the end of the statement that begins at `start`.
pub(super) fn skip(text: &str, start: usize) -> Skipped {
    let mut scanner = Scanner::new(text, start);
    let mut skipped = Skipped {
        end: text.len(),
        next: text.len(),
        block: None,
        tokens: 0,
        names: Vec::new(),
        problem: None,
    };
    let mut open: Vec<Opened> = Vec::new();
    let mut previous: Option<Token> = None;
    let mut last_newline = None;
    let mut is_fan_out = false;
    while let Some(token) = scanner.next() {
        let is_outside = open.is_empty();
        match token.kind {
            Kind::Newline => {
                last_newline = Some(token.start);
                let new = open
                    .iter_mut()
                    .rev()
                    .take_while(|opened| opened.line_end.is_none());
                new.for_each(|opened| opened.line_end = last_newline);
                if is_outside && !goes_on(text, previous, scanner.peek()) {
                    return skipped.ending(previous, token.start);
                }
            }
            Kind::Comma if is_outside && !is_fan_out => {
                return skipped.ending(previous, token.start);
            }
            Kind::Semicolon if is_outside => return skipped.ending(previous, token.start),
            Kind::UnclosedText => match closed_later(text, token.end) {
                Some(end) => {
                    skipped.set(Problem::ManyLines(token));
                    return skipped.ending(Some(Token { end, ..token }), end);
                }
                None => skipped.set(Problem::UnclosedText(token)),
            },
            Kind::OneLineFence => skipped.set(Problem::OneLineFence(token)),
            Kind::Open(b'{') if is_outside && !is(previous, Kind::Assign) => {
                if let Some(operator) = previous.filter(|&token| is_infix(text, token)) {
                    skipped.set(Problem::DanglingOperator(operator));
                }
                skipped.block = Some(token.start);
                return skipped.ending(previous, token.start);
            }
            Kind::Open(_) => open.push(Opened {
                token,
                line_end: None,
            }),
            Kind::Close(b'}') if is_outside => return skipped.ending(previous, token.start),
            Kind::Close(bracket) => match open.pop() {
                Some(opened) if opened.is_closed_by(bracket) => {}
                // Another closer than the one that is expected: a slip, if it can't be the block's.
                Some(opened) if bracket != b'}' || is_alone(text, start, token.start) => {
                    skipped.set(Problem::WrongCloser(opened.token, token));
                }
                Some(opened) => {
                    skipped.set(Problem::UnclosedBracket(opened.token, Some(token)));
                    return skipped.ending(None, opened.end(text, last_newline, token.start));
                }
                None => skipped.set(Problem::StrayBracket(token)),
            },
            Kind::Assign => {
                // Nothing is named within a list: this is the next statement, if it is on its line.
                let list = open
                    .last()
                    .filter(|opened| opened.token.kind == Kind::Open(b'['));
                if let (Some(opened), Some(newline)) = (list, last_newline)
                    && newline > opened.token.start
                {
                    skipped.set(Problem::UnclosedBracket(opened.token, previous));
                    return skipped.ending(None, newline);
                }
            }
            Kind::Word if is_outside => {
                let word = &text[token.start..token.end];
                is_fan_out |= word == "for";
                if skipped.names.len() < MAX_NAMES {
                    skipped.names.push((token.start, word.into()));
                }
            }
            _ => {}
        }
        if token.is_significant() {
            previous = Some(token);
            skipped.tokens += 1;
        }
    }
    if let Some(opened) = open.last() {
        skipped.set(Problem::UnclosedBracket(opened.token, None));
        return skipped.ending(None, opened.end(text, None, text.len()));
    }
    skipped.ending(previous, text.len())
}

impl Skipped {
    fn set(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }

    fn ending(self, last: Option<Token>, next: usize) -> Self {
        Skipped {
            end: last.map_or(next, |last| last.end),
            next,
            ..self
        }
    }
}

/// Whether a statement goes on after a newline.
fn goes_on(text: &str, previous: Option<Token>, next: Option<Token>) -> bool {
    let after = previous.is_some_and(|token| {
        let is_joined = &text[token.start..token.end] == "\\";
        is_joined || is_infix(text, token) || matches!(token.kind, Kind::Assign | Kind::Comma)
    });
    let before = next.is_some_and(|token| {
        let words = ["for", "where", "as", "then", "else"];
        let is_word = token.kind == Kind::Word && words.contains(&&text[token.start..token.end]);
        is_word || is_infix(text, token) || token.kind == Kind::Open(b'{')
    });
    after || before
}

fn is_infix(text: &str, token: Token) -> bool {
    match token.kind {
        Kind::Operator => true,
        Kind::Word => matches!(&text[token.start..token.end], "and" | "or" | "in" | "not"),
        _ => false,
    }
}

fn is(token: Option<Token>, kind: Kind) -> bool {
    token.is_some_and(|token| token.kind == kind)
}

/// A bracket that is open.
struct Opened {
    token: Token,
    /// Where its line ends; only a newline that ends no line of a text counts.
    line_end: Option<usize>,
}

impl Opened {
    fn is_closed_by(&self, bracket: u8) -> bool {
        matches!(self.token.kind, Kind::Open(open) if scan::closer(open) == bracket)
    }

    /// Where a statement ends in which it is not closed: with the line of the bracket, where
    /// anything follows it there, else before the line that closes something else.
    fn end(&self, text: &str, last_newline: Option<usize>, limit: usize) -> usize {
        let line_end = self.line_end.unwrap_or(limit);
        let is_last_on_line = text[self.token.end..line_end].trim().is_empty();
        match last_newline {
            Some(newline) if is_last_on_line && newline > self.token.start => newline,
            _ => line_end,
        }
    }
}

/// Whether a statement begins its line, and a bracket stands on that same line: it can't close the
/// block around the statement.
fn is_alone(text: &str, start: usize, bracket: usize) -> bool {
    let line = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..start].trim().is_empty() && line > 0 && !text[start..bracket].contains('\n')
}

/// Where a text ends that was written over several lines: at the next mark, if that is the last of
/// its line. One with something after it opens a text of its own.
fn closed_later(text: &str, from: usize) -> Option<usize> {
    let mark = from + text[from..].find('"')?;
    let line = text[mark..].find('\n').map_or(text.len(), |at| mark + at);
    let rest = text[mark + 1..line].trim();
    let ends = rest
        .chars()
        .all(|character| matches!(character, ',' | ')' | ']' | '}' | ' '));
    ends.then_some(mark + 1)
}

/// What is wrong with a statement that was skipped.
pub(super) fn diagnose(
    source: &SourceFile,
    text: &str,
    start: usize,
    skipped: &Skipped,
    error: &Error<Rule>,
) -> Diagnostic {
    if let Some(problem) = &skipped.problem {
        return problem.diagnostic(source.id(), text);
    }
    let at = start + offset(error);
    Unexpected::new(source.id(), text, start, at, error).diagnostic()
}

/// Whether the grammar stopped at an address, of which the survey has spoken.
pub(super) fn is_address(text: &str, start: usize, error: &Error<Rule>) -> bool {
    text[start + offset(error)..].starts_with("://")
}

/// What is wrong with the expression of a `${…}`.
pub(super) fn unreadable_expression(text: &str, base: Span, error: &Error<Rule>) -> Diagnostic {
    let mut diagnostic = Unexpected::new(base.file, text, 0, offset(error), error)
        .inline()
        .diagnostic();
    let shift = |span: Span| Span::new(span.file, span.start + base.start, span.end + base.start);
    for label in &mut diagnostic.labels {
        label.span = shift(label.span);
    }
    if let Some(fix) = &mut diagnostic.fix {
        fix.span = shift(fix.span);
    }
    diagnostic
}

fn offset(error: &Error<Rule>) -> usize {
    match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    }
}

/// About an operator before the `{` of a block.
pub(super) fn dangling_operator(operator: Span, written: &str) -> Diagnostic {
    let headline = format!("nothing stands right of `{written}`");
    let label = "a value is expected after it";
    Diagnostic::error(Code::DanglingOperator, headline, operator, label)
        .help("the `{` after it opens the block")
}

/// About a `for … in` or `where` before the `{` of a block.
pub(super) fn missing_value(brace: Span) -> Diagnostic {
    let headline = "a value is expected before the block";
    Diagnostic::error(
        Code::DanglingOperator,
        headline,
        brace,
        "this opens the block",
    )
}

impl Problem {
    fn diagnostic(&self, file: FileId, text: &str) -> Diagnostic {
        let span = |token: Token| Span::new(file, token.start as u32, token.end as u32);
        let written = |token: Token| &text[token.start..token.end];
        match *self {
            Problem::UnclosedText(token) => {
                let span = span(token);
                Diagnostic::error(
                    Code::UnclosedText,
                    "the text is not closed",
                    span,
                    "no `\"` ends it on this line",
                )
                .help("add the missing `\"`; a text of many lines stands between `\"\"\"`")
            }
            Problem::ManyLines(token) => Diagnostic::error(
                Code::UnclosedText,
                "a text between `\"` ends on its line",
                span(token),
                "it begins here, and goes on",
            )
            .help(
                "put `\"\"\"` and a new line before it, and `\"\"\"` on a line of its own after it",
            ),
            Problem::OneLineFence(token) => {
                let end = written(token)
                    .find('\n')
                    .map_or(token.end, |line| token.start + line);
                let token = Token { end, ..token };
                let diagnostic = Diagnostic::error(
                    Code::OneLineFence,
                    "a new line is expected after `\"\"\"`",
                    span(token),
                    "the text begins on the next line",
                );
                let inner = written(token).trim_matches('"');
                if inner.contains(['"', '\\']) {
                    diagnostic.help("a text on one line stands between `\"`")
                } else {
                    // Up to the closing marks; what follows them stays.
                    let content = &written(token)[3..];
                    let Some(length) = content.find("\"\"\"") else {
                        return diagnostic.help("start a new line after `\"\"\"`");
                    };
                    let whole = Token {
                        end: token.start + 3 + length + 3,
                        ..token
                    };
                    let meant = format!("\"{}\"", &content[..length]);
                    diagnostic
                        .help(format!("a text on one line stands between `\"`: `{meant}`"))
                        .fix(span(whole), meant, Applicability::Machine)
                }
            }
            Problem::UnclosedBracket(opened, found) => {
                let open = written(opened);
                let close = char::from(scan::closer(open.as_bytes()[0]));
                let diagnostic = Diagnostic::error(
                    Code::UnclosedBracket,
                    format!("`{open}` is not closed"),
                    span(opened),
                    format!("no `{close}` closes it"),
                );
                let diagnostic = match found {
                    Some(found) => {
                        diagnostic.label(span(found), format!("`{close}` is expected before this"))
                    }
                    None => diagnostic,
                };
                diagnostic.help(format!("add the missing `{close}`"))
            }
            Problem::WrongCloser(opened, found) => {
                let open = written(opened);
                let close = char::from(scan::closer(open.as_bytes()[0]));
                Diagnostic::error(
                    Code::UnclosedBracket,
                    format!("`{}` does not close `{open}`", written(found)),
                    span(found),
                    format!("`{close}` is expected"),
                )
                .label(span(opened), "it is opened here")
                .fix(span(found), close, Applicability::Maybe)
            }
            Problem::StrayBracket(token) => {
                let bracket = written(token);
                Diagnostic::error(
                    Code::StrayBracket,
                    format!("nothing is open that `{bracket}` closes"),
                    span(token),
                    "one too many",
                )
                .help("remove it, or add what it closes")
            }
            Problem::DanglingOperator(token) => dangling_operator(span(token), written(token)),
        }
    }
}
