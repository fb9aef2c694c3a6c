//! What a text literal says, once the schema has told whether it is a script or a string.
//!
//! A script is taken as it stands; of its escapes only `\"` means anything, and only on one line. A
//! string has escapes and `${…}`, in both forms. A text between fences is dedented by what all its
//! lines begin with, and ends before the newline of its last line.

use crate::ast::{Expr, Text, TextForm};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::parse;
use crate::source::Span;

/// A part of a string.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text, its escapes resolved.
    Literal(String),
    /// `${…}`
    Expr(Expr),
}

/// What a script can't refer to, and people of other tools will.
const ROOTS: &[&str] = &["event", "param", "secret", "run", "worker"];

/// What stands after `${{` in scripts that were brought from GitHub.
const FOREIGN_ROOTS: &[&str] = &[
    "github", "matrix", "secrets", "env", "inputs", "needs", "steps", "vars", "runner",
];

/// Reads a string: neighboring literals are one part, an empty string has none.
pub fn string(text: &Text) -> Result<Vec<Part>, Vec<Diagnostic>> {
    let mut reader = Reader {
        file: text.span,
        parts: Vec::new(),
        diagnostics: Vec::new(),
    };
    let lines = Lines::new(text);
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            reader.push("\n");
        }
        reader.line(line.text, text.span.start + line.at as u32);
    }
    if reader.diagnostics.is_empty() {
        Ok(reader.parts)
    } else {
        Err(reader.diagnostics)
    }
}

/// Reads a string in which no expression may stand: a name, a pattern, a key.
pub fn plain_string(text: &Text) -> Result<String, Vec<Diagnostic>> {
    let mut whole = String::new();
    for part in string(text)? {
        match part {
            Part::Literal(literal) => whole.push_str(&literal),
            Part::Expr(expr) => {
                return Err(vec![
                    Diagnostic::error(
                        Code::BadInterpolation,
                        "no expression can stand in this text",
                        expr.span,
                        "it must be known without evaluating anything",
                    )
                    .help("write the text out; for the two characters as such write `\\${`"),
                ]);
            }
        }
    }
    Ok(whole)
}

/// Reads a script.
pub fn script(text: &Text) -> Result<String, Vec<Diagnostic>> {
    let mut script = String::new();
    let mut diagnostics = Vec::new();
    for (index, line) in Lines::new(text).iter().enumerate() {
        if index > 0 {
            script.push('\n');
        }
        match text.form {
            TextForm::Quoted => script.push_str(&line.text.replace("\\\"", "\"")),
            TextForm::Fenced => script.push_str(line.text),
        }
        for (at, length) in interpolations(line.text) {
            let start = text.span.start + (line.at + at) as u32;
            let span = Span::new(text.span.file, start, start + length as u32);
            diagnostics.push(in_script(&line.text[at..at + length], span));
        }
    }
    if diagnostics.is_empty() {
        Ok(script)
    } else {
        Err(diagnostics)
    }
}

/// Where `${event.…}`, or what others write for it, stands in a line of a script.
fn interpolations(line: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    line.match_indices("${").filter_map(|(at, _)| {
        let rest = &line[at + 2..];
        let (inner, roots, end) = match rest.strip_prefix('{') {
            Some(inner) => (inner, FOREIGN_ROOTS, "}}"),
            None => (rest, ROOTS, "}"),
        };
        let name = inner.trim_start();
        let length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let is_known = roots.contains(&&name[..length]) && name[length..].starts_with(['.', '[']);
        let length = rest
            .find(end)
            .map_or(2 + rest.len(), |close| 2 + close + end.len());
        is_known.then_some((at, length))
    })
}

fn in_script(written: &str, span: Span) -> Diagnostic {
    let inner = written
        .trim_start_matches(['$', '{'])
        .trim_end_matches('}')
        .trim();
    let last = inner
        .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .find(|s| !s.is_empty());
    let name = last.unwrap_or("value").to_uppercase();
    let diagnostic = Diagnostic::error(
        Code::InterpolationInScript,
        "a script holds no expression",
        span,
        "the shell gets this as it stands",
    );
    if written.starts_with("${{") {
        diagnostic.help(format!(
            "bind the value in `env {{ {name} = … }}`, and read `{name}` from the environment"
        ))
    } else {
        diagnostic.help(format!(
            "bind it in `env {{ {name} = {inner} }}`, and read `{name}` from the environment"
        ))
    }
}

/// The lines of a literal's content, each with its offset in the raw text.
struct Lines<'t> {
    lines: Vec<Line<'t>>,
}

struct Line<'t> {
    at: usize,
    text: &'t str,
}

impl<'t> Lines<'t> {
    fn new(literal: &'t Text) -> Self {
        let raw = &*literal.raw;
        let lines = match literal.form {
            TextForm::Quoted => {
                let text = raw
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                vec![Line {
                    at: 1,
                    text: text.unwrap_or_default(),
                }]
            }
            TextForm::Fenced => fenced(raw),
        };
        Self { lines }
    }

    fn iter(&self) -> std::slice::Iter<'_, Line<'t>> {
        self.lines.iter()
    }
}

/// What stands between the line of the opening fence and that of the closing one, dedented.
fn fenced(raw: &str) -> Vec<Line<'_>> {
    let mut at = 0;
    let mut lines: Vec<Line<'_>> = Vec::new();
    for line in raw.split_inclusive('\n') {
        lines.push(Line {
            at,
            text: line.trim_end_matches(['\n', '\r']),
        });
        at += line.len();
    }
    lines.pop();
    let mut lines: Vec<_> = lines.into_iter().skip(1).collect();
    let mut common: Option<&str> = None;
    for line in lines.iter().filter(|line| !is_blank(line.text)) {
        let indent =
            &line.text[..line.text.len() - line.text.trim_start_matches([' ', '\t']).len()];
        common = Some(common.map_or(indent, |common| shared(common, indent)));
    }
    let common = common.unwrap_or_default().len();
    for line in &mut lines {
        let cut = if is_blank(line.text) {
            line.text.len()
        } else {
            common
        };
        line.at += cut;
        line.text = &line.text[cut..];
    }
    lines
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| byte == b' ' || byte == b'\t')
}

/// What both begin with.
fn shared<'t>(one: &'t str, other: &str) -> &'t str {
    &one[..one
        .bytes()
        .zip(other.bytes())
        .take_while(|(a, b)| a == b)
        .count()]
}

/// Reads escapes and expressions.
struct Reader {
    file: Span,
    parts: Vec<Part>,
    diagnostics: Vec<Diagnostic>,
}

impl Reader {
    fn push(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Literal(literal)) => literal.push_str(text),
            _ => self.parts.push(Part::Literal(text.to_owned())),
        }
    }

    fn span(&self, start: u32, length: usize) -> Span {
        Span::new(self.file.file, start, start + length as u32)
    }

    fn line(&mut self, line: &str, base: u32) {
        let mut at = 0;
        while let Some(plain) = line[at..].find(['\\', '$']) {
            if plain > 0 {
                self.push(&line[at..at + plain]);
            }
            at += plain;
            let rest = &line[at..];
            at += if rest.starts_with('\\') {
                self.escape(rest, base + at as u32)
            } else if rest.starts_with("${") {
                self.interpolation(rest, base + at as u32)
            } else {
                self.push("$");
                1
            };
        }
        if at < line.len() {
            self.push(&line[at..]);
        }
    }

    /// Reads the escape that `rest` begins with, and gives its length.
    fn escape(&mut self, rest: &str, start: u32) -> usize {
        let Some(escaped) = rest[1..].chars().next() else {
            // In a fenced text only: on one line the backslash would protect the closing mark.
            let span = self.span(start, 1);
            self.diagnostics.push(unknown_escape("\\", span));
            return 1;
        };
        match escaped {
            '"' => self.push("\""),
            '\\' => self.push("\\"),
            'n' => self.push("\n"),
            't' => self.push("\t"),
            '$' => self.push("$"),
            'u' => return self.unicode(rest, start),
            _ => {
                let length = 1 + escaped.len_utf8();
                let span = self.span(start, length);
                self.diagnostics.push(unknown_escape(&rest[..length], span));
                return length;
            }
        }
        2
    }

    /// `\u{…}`
    fn unicode(&mut self, rest: &str, start: u32) -> usize {
        let digits = rest[2..]
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let Some((digits, _)) = digits else {
            let span = self.span(start, 2);
            self.diagnostics
                .push(unknown_escape("\\u", span).help("write `\\u{1F600}`"));
            return 2;
        };
        let length = "\\u{}".len() + digits.len();
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| is_hexadecimal);
        match code.and_then(char::from_u32) {
            Some('\0') | None => {
                let span = self.span(start, length);
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::UnknownEscape,
                        format!("`{}` is no character", &rest[..length]),
                        span,
                        "not a code point that a text can hold",
                    )
                    .help("a code point is written in hexadecimal, from 1 to 10FFFF"),
                );
            }
            Some(character) => self.push(character.encode_utf8(&mut [0; 4])),
        }
        length
    }

    /// Reads the `${…}` that `rest` begins with, and gives its length.
    fn interpolation(&mut self, rest: &str, start: u32) -> usize {
        let (close, has_mark) = closing(rest);
        let Some(close) = close else {
            let span = self.span(start, 2);
            self.diagnostics.push(
                bad(span, "`${` is not closed", "no `}` closes it on this line")
                    .help("add the missing `}`; for the two characters as such write `\\${`"),
            );
            return 2;
        };
        let length = close + 1;
        let span = self.span(start, length);
        let inner = &rest[2..close];
        if let Some(mark) = has_mark {
            let span = self.span(start + mark as u32, 1);
            self.diagnostics.push(
                bad(
                    span,
                    "no quotation mark can stand in `${…}`",
                    "a quotation mark",
                )
                .help("give the value a name with `let`"),
            );
        } else if inner.trim().is_empty() {
            self.diagnostics.push(
                bad(span, "`${}` holds nothing", "an expression is expected")
                    .help("for the characters as such write `\\${}`")
                    .fix(self.span(start, 1), "\\$", Applicability::Maybe),
            );
        } else {
            let base = self.span(start + 2, inner.len());
            if let Some(expr) = parse::expression(inner, base, &mut self.diagnostics) {
                self.parts.push(Part::Expr(expr));
            }
        }
        length
    }
}

/// Where the `}` is that closes the `${` at the beginning, and the first quotation mark before it.
fn closing(text: &str) -> (Option<usize>, Option<usize>) {
    let (mut depth, mut mark) = (0_usize, None);
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return (Some(at), mark),
            b'}' => depth -= 1,
            b'"' | b'\'' => mark = mark.or(Some(at)),
            _ => {}
        }
    }
    (None, mark)
}

fn bad(span: Span, headline: &str, label: &str) -> Diagnostic {
    Diagnostic::error(Code::BadInterpolation, headline, span, label)
}

fn unknown_escape(written: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        Code::UnknownEscape,
        format!("unknown escape `{written}`"),
        span,
        "no escape",
    )
    .help("a string knows `\\\" \\\\ \\n \\t \\$ \\u{…}`; a backslash as such is written `\\\\`")
    .fix(span.before(), "\\", Applicability::Maybe)
}
