//! Logs are hostile text: what a step prints must not move the cursor, change the title, hide other
//! lines or set the terminal on fire. Colors are kept where colors are shown at all.

use super::text::is_unsafe;
use std::iter::Peekable;
use std::str::Chars;

/// A line of a log as a terminal may see it: invalid UTF-8 is replaced, controls are shown as
/// pictures, escape sequences are gone, but for colors if `colored`. Of a line that rewrites itself
/// (`10%\r20%\r`) only what a terminal would show in the end is left.
#[must_use]
pub fn line(bytes: &[u8], colored: bool) -> String {
    let text = String::from_utf8_lossy(last_rewrite(bytes));
    if !text.contains(is_unsafe) {
        return text.into_owned();
    }
    let mut cleaner = Cleaner {
        chars: text.chars().peekable(),
        out: String::with_capacity(text.len()),
        colored,
        is_styled: false,
    };
    cleaner.run();
    cleaner.out
}

fn last_rewrite(bytes: &[u8]) -> &[u8] {
    let mut rewrites = bytes.rsplit(|&byte| byte == b'\r');
    rewrites
        .find(|part| !part.trim_ascii().is_empty())
        .unwrap_or_default()
}

struct Cleaner<'t> {
    chars: Peekable<Chars<'t>>,
    out: String,
    colored: bool,
    /// Whether a style is on that the end of the line has to end.
    is_styled: bool,
}

impl Cleaner<'_> {
    fn run(&mut self) {
        while let Some(char) = self.chars.next() {
            match char {
                '\x1b' => self.escape(),
                '\u{9b}' => self.control_sequence(),
                '\t' => self.out.push(char),
                '\0'..='\x1f' => self.out.push(picture(char as u32)),
                '\x7f' => self.out.push('␡'),
                _ if is_unsafe(char) => self.out.extend(char.escape_default()),
                _ => self.out.push(char),
            }
        }
        if self.is_styled {
            self.out.push_str("\x1b[0m");
        }
    }

    /// What follows an escape character, by ECMA-48.
    fn escape(&mut self) {
        match self.chars.peek() {
            Some('[') => {
                self.chars.next();
                self.control_sequence();
            }
            // Titles, clipboards, links: up to BEL or ESC \.
            Some(']' | 'P' | 'X' | '^' | '_') => self.control_string(),
            Some(' '..='/') => {
                while self
                    .chars
                    .next_if(|char| matches!(char, ' '..='/'))
                    .is_some()
                {}
                self.chars.next_if(|char| matches!(char, '0'..='~'));
            }
            Some('0'..='~') => {
                self.chars.next();
            }
            _ => self.out.push(picture(0x1b)),
        }
    }

    fn control_string(&mut self) {
        while let Some(char) = self.chars.next() {
            match char {
                '\x07' | '\u{9c}' => return,
                '\x1b' if self.chars.next_if_eq(&'\\').is_some() => return,
                _ => {}
            }
        }
    }

    fn control_sequence(&mut self) {
        let mut parameters = String::new();
        while let Some(char) = self.chars.next_if(|char| matches!(char, '0'..='?')) {
            parameters.push(char);
        }
        let mut is_plain = true;
        while self
            .chars
            .next_if(|char| matches!(char, ' '..='/'))
            .is_some()
        {
            is_plain = false;
        }
        let end = self.chars.next_if(|char| matches!(char, '@'..='~'));
        if self.colored && is_plain && end == Some('m') && is_harmless(&parameters) {
            self.is_styled = !matches!(parameters.as_str(), "" | "0");
            self.out.push_str("\x1b[");
            self.out.push_str(&parameters);
            self.out.push('m');
        }
    }
}

/// A control character as Unicode pictures it: `␀`, `␛`.
fn picture(control: u32) -> char {
    char::from_u32(0x2400 + control).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The longest list of style parameters that is passed on; none that means something is longer.
const MAX_STYLE: usize = 32;

/// Whether style parameters only color and weigh text; blinking (5, 6) and hidden (8) text don't.
fn is_harmless(parameters: &str) -> bool {
    if parameters.len() > MAX_STYLE {
        return false;
    }
    let mut codes = parameters.split([';', ':']);
    while let Some(code) = codes.next() {
        match code.parse() {
            // A color out of 256, or in red, green and blue.
            Ok(38u16 | 48) => match codes.next() {
                Some("5") => drop(codes.next()),
                Some("2") => drop(codes.nth(2)),
                _ => return false,
            },
            Ok(5 | 6 | 8) => return false,
            Ok(0..=107) => {}
            Err(_) if code.is_empty() => {}
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    /// One line per case: with colors, then without; escape characters are written as `^`.
    fn check(cases: &[&[u8]]) -> String {
        let show = |bytes, colored| super::line(bytes, colored).replace('\x1b', "^");
        let lines = cases.iter().map(|bytes| {
            let (colored, plain) = (show(bytes, true), show(bytes, false));
            match colored == plain {
                true => format!("{plain}\n"),
                false => format!("{colored}    plain: {plain}\n"),
            }
        });
        lines.collect()
    }

    #[test]
    fn colors_are_kept_where_there_are_colors() {
        assert_snapshot!(check(&[
            b"\x1b[1;32mok\x1b[0m done",
            b"\x1b[31mnever ended",
            b"\x1b[38;5;8mgray\x1b[m and \x1b[48;2;5;6;8mblue",
            b"\x9b31mnot UTF-8, so no control",
            "\u{9b}31mC1".as_bytes(),
        ]), @r"
        ^[1;32mok^[0m done    plain: ok done
        ^[31mnever ended^[0m    plain: never ended
        ^[38;5;8mgray^[m and ^[48;2;5;6;8mblue^[0m    plain: gray and blue
        �31mnot UTF-8, so no control
        ^[31mC1^[0m    plain: C1
        ");
    }

    #[test]
    fn what_does_more_than_color_is_gone() {
        assert_snapshot!(check(&[
            b"\x1b[2J\x1b[Hcleared",
            b"\x1b]0;a title\x07titled",
            b"\x1b]52;c;aGk=\x1b\\clipboard",
            b"\x1bP1;1|sixel\x1b\\device",
            b"\x1b[8mhidden\x1b[5mblinking",
            b"\x1b(0line drawing\x1bc",
            b"\x1b[>4;2mkeys \x1b[1 qcursor",
            b"\x1b]8;;http://evil",
            b"cut off \x1b[3",
            b"lone \x1b",
        ]), @r"
        cleared
        titled
        clipboard
        device
        hiddenblinking
        line drawing
        keys cursor

        cut off 
        lone ␛
        ");
    }

    #[test]
    fn controls_are_shown() {
        assert_snapshot!(check(&[
            b"nul \0 bell \x07 back\x08 del \x7f tab\t.",
            b"\xff\xfe not UTF-8",
            "over\u{202e}ride, next\u{85}line".as_bytes(),
        ]), @r"
        nul ␀ bell ␇ back␈ del ␡ tab	.
        �� not UTF-8
        over\u{202e}ride, next\u{85}line
        ");
    }

    #[test]
    fn a_line_that_rewrites_itself_is_shown_as_it_ends() {
        assert_snapshot!(check(&[b"10%\r50%\r100%", b"windows\r", b"kept\r   \r", b"\r\r"]), @r"
        100%
        windows
        kept

        ");
    }
}
