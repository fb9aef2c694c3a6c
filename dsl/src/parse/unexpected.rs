//! What to say where the grammar expected something else: what authors bring from other languages
//! is called by its name, and of the rest is said what could stand there.

use pest::error::{Error, ErrorVariant};

use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::{FileId, Span};

use super::grammar::Rule;
use super::number;
use super::scan::{Kind, Scanner, Token};

/// No value begins with these, but for `if`, `not`, `true` and `false`.
const RESERVED: &[&str] = &["and", "or", "in", "for", "where", "then", "else", "as"];

/// A place at which the grammar expected something else.
pub(super) struct Unexpected<'s> {
    file: FileId,
    text: &'s str,
    at: usize,
    /// What stands there.
    found: Option<Token>,
    /// What stands before it in its statement.
    previous: Option<Token>,
    /// The innermost bracket that is open there.
    open: Option<u8>,
    /// What the grammar would have taken.
    expected: Vec<Rule>,
    /// Whether the text is the expression of a `${…}`, and no file.
    is_inline: bool,
}

impl<'s> Unexpected<'s> {
    pub fn new(file: FileId, text: &'s str, start: usize, at: usize, error: &Error<Rule>) -> Self {
        let (mut previous, mut found, mut open) = (None, None, Vec::new());
        for token in Scanner::new(text, start) {
            if token.end > at && token.is_significant() {
                found = Some(token);
                break;
            }
            match token.kind {
                Kind::Newline if token.start >= at && open.is_empty() => {
                    found = Some(token);
                    break;
                }
                Kind::Open(bracket) => open.push(bracket),
                Kind::Close(_) => drop(open.pop()),
                _ => {}
            }
            if token.is_significant() {
                previous = Some(token);
            }
        }
        let expected = match &error.variant {
            ErrorVariant::ParsingError { positives, .. } => positives.clone(),
            ErrorVariant::CustomError { .. } => Vec::new(),
        };
        Self {
            file,
            text,
            at,
            found,
            previous,
            open: open.last().copied(),
            expected,
            is_inline: false,
        }
    }

    /// The same in a text that is the expression of a `${…}`.
    pub fn inline(self) -> Self {
        Self {
            is_inline: true,
            ..self
        }
    }

    pub fn diagnostic(&self) -> Diagnostic {
        let after = || {
            let at = self.previous.map_or(self.at, |previous| previous.end) as u32;
            Span::new(self.file, at, at)
        };
        let Some(found) = self.found else {
            let end = if self.is_inline {
                "end of the expression"
            } else {
                "end of the file"
            };
            return self.expecting(after(), end);
        };
        if found.kind == Kind::Newline || self.lacks_value(found) {
            return self
                .text_alone()
                .unwrap_or_else(|| self.expecting(after(), "end of the line"));
        }
        // The grammar may stop in the middle of what the scan takes for one.
        let start = self.at.clamp(found.start, found.end - 1);
        let start = if self.text.is_char_boundary(start) {
            start
        } else {
            found.start
        };
        let written = &self.text[start..found.end];
        let span = Span::new(self.file, start as u32, found.end as u32);
        self.well_known(written, span).unwrap_or_else(|| {
            let shown: String = written.chars().take(40).collect();
            self.expecting(span, &format!("`{shown}`"))
        })
    }

    /// Whether a value is expected on a line that is over: what stands on the next is innocent.
    fn lacks_value(&self, found: Token) -> bool {
        let between = self
            .previous
            .map(|previous| &self.text[previous.end..found.start]);
        self.expected.contains(&Rule::expression)
            && self.open.is_none()
            && between.is_some_and(|between| between.contains('\n'))
    }

    /// A statement that is a text.
    fn text_alone(&self) -> Option<Diagnostic> {
        let previous = self.previous.filter(|token| token.kind == Kind::Text)?;
        if !self.expected.contains(&Rule::foreign_assign) {
            return None;
        }
        let span = Span::new(self.file, previous.start as u32, previous.end as u32);
        Some(
            Diagnostic::error(
                Code::UnexpectedText,
                "a text is no statement",
                span,
                "what is to be done with it?",
            )
            .help("a statement begins with a word: `sh \"…\"`, `title = \"…\"`"),
        )
    }

    /// What is often written there by people who come from other languages.
    fn well_known(&self, written: &str, span: Span) -> Option<Diagnostic> {
        let unexpected = |headline: &str, label: &str, help: &str| {
            Diagnostic::error(Code::UnexpectedText, headline, span, label).help(help)
        };
        let first = written.chars().next()?;
        let rest = &self.text[span.start as usize..];
        let foreign = |headline: &str, label: &str| {
            Diagnostic::error(Code::ForeignOperator, headline, span, label)
        };
        Some(match first {
            '{' if self.previous.is_none() => unexpected(
                "a block without a word",
                "what is it?",
                "a block belongs to a word: `job build { … }`",
            ),
            _ if self.is_unit(written) => {
                let number = self
                    .previous
                    .map_or("", |token| &self.text[token.start..token.end]);
                let blank = Span::new(
                    self.file,
                    self.previous.map_or(span.start, |token| token.end as u32),
                    span.start,
                );
                Diagnostic::error(
                    Code::UnknownUnit,
                    "a unit touches its number",
                    span,
                    "not a unit",
                )
                .help(format!("write `{number}{}`", number::unit(written)))
                .fix(
                    blank.to(span),
                    number::unit(written),
                    Applicability::Machine,
                )
            }
            '\'' => Diagnostic::error(
                Code::UnclosedText,
                "the text is not closed, and stands between the wrong marks",
                span,
                "no `'` ends it on this line",
            )
            .help("a text stands between double quotation marks"),
            '`' => unexpected(
                "no text stands between '`'",
                "not a quotation mark",
                "write `\"…\"`",
            ),
            '“' | '”' | '„' | '«' | '»' => {
                let span = Span::new(self.file, span.start, span.start + first.len_utf8() as u32);
                Diagnostic::error(
                    Code::ForeignQuotes,
                    "a typographic quotation mark",
                    span,
                    "not `\"`",
                )
                .help("write `\"`")
                .fix(span, "\"", Applicability::Machine)
            }
            '\\' => unexpected(
                "a `\\` does not join lines",
                "not needed",
                "within brackets, and before an operator, a new line ends nothing",
            ),
            '$' => unexpected(
                "a name is written without `$`",
                "not a name",
                "write the name alone; `${…}` stands in strings only",
            ),
            '@' => unexpected(
                "`@` is no part of a name",
                "not a name",
                "put a text between `\"`",
            ),
            '/' if rest.starts_with("/*") => Diagnostic::error(
                Code::ForeignComment,
                "comments begin with `#`",
                span,
                "not a comment, and not closed",
            )
            .help("write `#` before each line of it"),
            '<' if rest.starts_with("<<") && !self.expects_operator() => unexpected(
                "there is no here-document",
                "not a text",
                "a text of many lines stands between `\"\"\"`, each on a line",
            ),
            '=' if rest.starts_with("==") && self.open.is_none() && !self.expects_operator() => {
                let span = Span::new(self.file, span.start, span.start + 2);
                Diagnostic::error(
                    Code::ForeignAssignment,
                    "`==` sets nothing",
                    span,
                    "`=` is expected",
                )
                .help("`==` compares; a setting is `name = value`")
                .fix(span, "=", Applicability::Machine)
            }
            '=' if rest.starts_with("=>") => {
                foreign("there is no `=>`", "not an operator").help("a setting is `name = value`")
            }
            '-' | '+' | '*' | '<' | '>' | '!' | '&' | '|' | '=' | '%' | '/' | '?'
                if !self.expects_operator() && self.expects_argument() =>
            {
                foreign(
                    "an argument with an operator needs parentheses",
                    "an operator",
                )
                .help("put parentheses around the argument: `word (a + b)`")
            }
            '&' | '|' | '^' | '~' => {
                foreign(&format!("there is no `{written}`"), "not an operator")
                    .help("operators are `or and not == != < <= > >= in + - *`")
            }
            '.' if self.previous.is_some_and(|token| self.is_number(token)) => {
                let start = self.previous.map_or(span, |token| {
                    Span::new(self.file, token.start as u32, span.end)
                });
                Diagnostic::error(
                    Code::UnexpectedText,
                    "no number has two points",
                    start,
                    "not a number",
                )
                .help("a version is a text: put it between quotation marks")
            }
            _ if written == "if" && self.expected.contains(&Rule::operation) => {
                let headline = "a choice within a choice needs parentheses";
                Diagnostic::error(Code::NeedsParentheses, headline, span, "a second `if`")
                    .help("put parentheses around it, or after `else` write `else if`")
            }
            _ if self.begins_value(written) => self.missing_comma(span),
            _ if self.open.is_none() && self.begins_setting() => Diagnostic::error(
                Code::MissingSeparator,
                "two statements on one line",
                span,
                "a new line or `,` is expected before it",
            )
            .help("start a new line")
            .fix(span.before(), "\n", Applicability::Machine),
            _ if !first.is_ascii() && first.is_alphanumeric() => {
                let touching = self
                    .previous
                    .filter(|token| token.end == span.start as usize);
                let start = touching.map_or(span.start, |token| token.start as u32);
                let is_part = |c: char| c.is_alphanumeric() || c == '_';
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                let whole = Span::new(self.file, start, span.start + length as u32);
                let headline = "a name has ASCII letters, digits and `_`";
                Diagnostic::error(Code::UnexpectedText, headline, whole, "not a name")
                    .help("any character may stand in a text: put it between quotation marks")
            }
            _ => return None,
        })
    }

    /// Whether a value begins there, right after another one, within brackets.
    fn begins_value(&self, written: &str) -> bool {
        let is_value = self.found.is_some_and(|found| match found.kind {
            Kind::Text | Kind::Open(_) => true,
            Kind::Word => !RESERVED.contains(&written),
            _ => false,
        });
        is_value && self.open.is_some() && self.expects_operator()
    }

    /// Whether `name =` stands there, after a value that is whole.
    fn begins_setting(&self) -> bool {
        let found = self.found.filter(|found| found.kind == Kind::Word);
        let next = found.and_then(|found| Scanner::new(self.text, found.end).next());
        self.expects_operator() && next.is_some_and(|next| next.kind == Kind::Assign)
    }

    fn missing_comma(&self, span: Span) -> Diagnostic {
        let before = self
            .previous
            .map_or(span.start, |previous| previous.end as u32);
        Diagnostic::error(
            Code::MissingSeparator,
            "a `,` is missing",
            span,
            "`,` is expected before it",
        )
        .fix(
            Span::new(self.file, before, before),
            ",",
            Applicability::Machine,
        )
    }

    /// Whether it is a unit that stands apart from its number: `10 minutes`.
    fn is_unit(&self, written: &str) -> bool {
        self.previous.is_some_and(|token| self.is_number(token)) && number::is_unit(written)
    }

    fn is_number(&self, token: Token) -> bool {
        self.text[token.start..token.end].starts_with(|first: char| first.is_ascii_digit())
    }

    fn expects_operator(&self) -> bool {
        self.expected.contains(&Rule::infix)
    }

    fn expects_argument(&self) -> bool {
        self.expected.contains(&Rule::value_of) && self.expected.contains(&Rule::text)
    }

    fn expecting(&self, span: Span, found: &str) -> Diagnostic {
        let expected = self.expected_things();
        let label = match expected.split_last() {
            None => "this can't stand here".to_owned(),
            Some((only, [])) => format!("expected {only}"),
            Some((last, others)) => format!("expected {} or {last}", others.join(", ")),
        };
        Diagnostic::error(
            Code::UnexpectedText,
            format!("unexpected {found}"),
            span,
            label,
        )
    }

    /// What the grammar would have taken, in words that an author knows. Where a rule and its parts
    /// were tried at one place, pest names the rule alone.
    fn expected_things(&self) -> Vec<&'static str> {
        let has = |rule| self.expected.contains(&rule);
        let is_statement = has(Rule::setting) || has(Rule::word);
        let is_argument = self.expects_argument();
        let is_value = has(Rule::expression) || has(Rule::operation) || has(Rule::text);
        let is_chosen = has(Rule::kw_then) || has(Rule::kw_else);
        // Whether what stands before it is whole, so that what is around it may go on or end.
        let is_whole = is_argument || has(Rule::infix) && !is_chosen;
        let possible = [
            (is_statement, "a statement"),
            (is_argument, "an argument"),
            (is_value && !is_argument, "a value"),
            (has(Rule::name) && !is_argument && !is_value, "a name"),
            (has(Rule::any_name), "a name"),
            (has(Rule::type_), "a type"),
            (has(Rule::parameter), "a parameter"),
            (has(Rule::type_of) && !is_argument, "`: type`"),
            (has(Rule::foreign_assign), "`=`"),
            (has(Rule::kw_in) && !has(Rule::infix), "`in`"),
            (has(Rule::kw_then), "`then`"),
            (has(Rule::kw_else), "`else`"),
            (has(Rule::infix), "an operator"),
            (has(Rule::kw_for) && self.open == Some(b'['), "`for`"),
            (has(Rule::kw_where), "`where`"),
            (is_argument, "`{`"),
            (
                is_whole && self.open.is_none() && !self.is_inline,
                "a new line",
            ),
            (is_whole && self.open.is_none() && self.is_inline, "`}`"),
            (is_whole && self.open == Some(b'{'), "a new line"),
            (is_whole && self.open.is_some(), "`,`"),
            (is_whole && self.open == Some(b'('), "`)`"),
            (is_whole && self.open == Some(b'['), "`]`"),
            (is_whole && self.open == Some(b'{'), "`}`"),
        ];
        let expected = possible.into_iter().filter(|&(is_expected, _)| is_expected);
        expected.map(|(_, thing)| thing).collect()
    }
}
