//! A coarse scan of bytes that knows texts, comments and brackets: it bounds a file before the
//! grammar sees it, and finds where a statement ends that the grammar does not understand.
//!
//! It must agree with the grammar on where a text or a comment begins and ends: what it takes for a
//! text is not counted as nesting.

use crate::source::SourceFile;

/// What a token is, as far as brackets, newlines and recovery care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Newline,
    /// `# …`
    Comment,
    /// `// …`, `/* … */`
    ForeignComment,
    /// `"…"`, `'…'` or a closed fence.
    Text,
    /// A `"` with no other on its line.
    UnclosedText,
    /// `"""` with something after it on its line; up to the line that closes it all the same.
    OneLineFence,
    /// `"""` that no line closes; it reaches to the end.
    UnclosedFence,
    /// `(`, `[` or `{`.
    Open(u8),
    /// `)`, `]` or `}`.
    Close(u8),
    Comma,
    /// What other languages end a statement with.
    Semicolon,
    /// `=`, `:=`
    Assign,
    /// A name, a reserved word or a number.
    Word,
    /// Anything that stands between operands, but for the words.
    Operator,
    /// Any other character.
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    /// Whether it says something: neither a newline nor a comment.
    pub fn is_significant(self) -> bool {
        !matches!(
            self.kind,
            Kind::Newline | Kind::Comment | Kind::ForeignComment
        )
    }
}

/// Goes through the tokens from an offset on.
#[derive(Clone)]
pub(super) struct Scanner<'s> {
    text: &'s str,
    at: usize,
}

impl<'s> Scanner<'s> {
    pub fn new(text: &'s str, at: usize) -> Self {
        Self { text, at }
    }

    /// The next token that says something, without moving on.
    pub fn peek(&self) -> Option<Token> {
        self.clone().find(|token| token.is_significant())
    }

    fn token(&mut self, kind: Kind, end: usize) -> Option<Token> {
        let start = std::mem::replace(&mut self.at, end);
        Some(Token { kind, start, end })
    }

    fn line_end(&self, from: usize) -> usize {
        let bytes = self.text.as_bytes();
        let end = find(bytes, from, b'\n').unwrap_or(bytes.len());
        if end > from && bytes.get(end) == Some(&b'\n') && bytes[end - 1] == b'\r' {
            end - 1
        } else {
            end
        }
    }

    fn quoted(&mut self) -> Option<Token> {
        let bytes = self.text.as_bytes();
        if self.text[self.at..].starts_with("\"\"\"") {
            return self.fenced();
        }
        let mut end = self.at + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => return self.token(Kind::Text, end + 1),
                None | Some(b'\n') => {
                    return self.token(Kind::UnclosedText, self.line_end(self.at));
                }
                Some(b'\\') if !matches!(bytes.get(end + 1), None | Some(b'\n' | b'\r')) => {
                    end += 2
                }
                Some(_) => end += 1,
            }
        }
    }

    fn fenced(&mut self) -> Option<Token> {
        let bytes = self.text.as_bytes();
        let quotes = bytes[self.at..]
            .iter()
            .take_while(|&&byte| byte == b'"')
            .count();
        let opened = self.at + quotes;
        let mut line = self.line_end(opened);
        let first_line = &self.text[opened..line];
        let is_one_line = !first_line.trim_matches([' ', '\t']).is_empty();
        if is_one_line && first_line.contains("\"\"\"") {
            return self.token(Kind::OneLineFence, line);
        }
        let first_end = line;
        while let Some(newline) = find(bytes, line, b'\n') {
            let start = skip_blanks(bytes, newline + 1);
            let found = bytes[start..]
                .iter()
                .take(quotes)
                .take_while(|&&byte| byte == b'"');
            if found.count() == quotes {
                let kind = if is_one_line {
                    Kind::OneLineFence
                } else {
                    Kind::Text
                };
                return self.token(kind, start + quotes);
            }
            line = start;
        }
        if is_one_line {
            return self.token(Kind::OneLineFence, first_end);
        }
        self.token(Kind::UnclosedFence, bytes.len())
    }

    /// `'…'` on one line; an apostrophe alone is any other character.
    fn single_quoted(&mut self) -> Option<Token> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        let length = rest.iter().position(|&byte| byte == b'\'' || byte == b'\n');
        match length {
            Some(length) if rest[length] == b'\'' => self.token(Kind::Text, self.at + length + 2),
            _ => self.token(Kind::Other, self.at + 1),
        }
    }

    /// Operators that touch each other are one, but a comment may touch an operator.
    fn operator(&mut self) -> Option<Token> {
        let run = &self.text[self.at + 1..self.while_any(is_operator)];
        let comment = run.find("//").into_iter().chain(run.find("/*")).min();
        self.token(Kind::Operator, self.at + 1 + comment.unwrap_or(run.len()))
    }

    fn while_any(&self, set: impl Fn(u8) -> bool) -> usize {
        let rest = &self.text.as_bytes()[self.at + 1..];
        self.at + 1 + rest.iter().take_while(|&&byte| set(byte)).count()
    }
}

impl Iterator for Scanner<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let bytes = self.text.as_bytes();
        self.at = skip_blanks(bytes, self.at);
        let next = bytes.get(self.at + 1).copied();
        match *bytes.get(self.at)? {
            b'\n' => self.token(Kind::Newline, self.at + 1),
            b'\r' if next == Some(b'\n') => self.token(Kind::Newline, self.at + 2),
            b'#' => self.token(Kind::Comment, self.line_end(self.at)),
            b'/' if next == Some(b'/') => self.token(Kind::ForeignComment, self.line_end(self.at)),
            b'/' if next == Some(b'*') => match self.text[self.at + 2..].find("*/") {
                Some(length) => self.token(Kind::ForeignComment, self.at + 2 + length + 2),
                None => self.token(Kind::Other, self.at + 2),
            },
            b'"' => self.quoted(),
            b'\'' => self.single_quoted(),
            open @ (b'(' | b'[' | b'{') => self.token(Kind::Open(open), self.at + 1),
            close @ (b')' | b']' | b'}') => self.token(Kind::Close(close), self.at + 1),
            b',' => self.token(Kind::Comma, self.at + 1),
            b';' => self.token(Kind::Semicolon, self.at + 1),
            b':' if next == Some(b'=') => self.token(Kind::Assign, self.at + 2),
            b'=' if !matches!(next, Some(b'=' | b'~' | b'>')) => {
                self.token(Kind::Assign, self.at + 1)
            }
            byte if is_operator(byte) => self.operator(),
            byte if is_word(byte) => self.token(Kind::Word, self.while_any(is_word)),
            _ => {
                let character = self.text[self.at..]
                    .chars()
                    .next()
                    .map_or(1, char::len_utf8);
                self.token(Kind::Other, self.at + character)
            }
        }
    }
}

fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..]
        .iter()
        .take_while(|&&byte| byte == b' ' || byte == b'\t')
        .count()
}

fn find(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    bytes[from..]
        .iter()
        .position(|&byte| byte == wanted)
        .map(|at| from + at)
}

fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'=' | b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'?' | b'~'
    )
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What closes that bracket.
pub(super) fn closer(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// The characters that make text look like other text: they reorder what is shown.
pub(crate) fn is_bidirectional(character: char) -> bool {
    matches!(character, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Where the statements begin: after the byte order mark, if there is one.
pub(super) fn start(source: &SourceFile) -> usize {
    if source.text().starts_with('\u{FEFF}') {
        '\u{FEFF}'.len_utf8()
    } else {
        0
    }
}
