//! Small pieces of text: times, sizes, names, and fitting them into columns.

use std::borrow::Cow;
use unicode_width::UnicodeWidthChar;

/// A time for people: `12ms`, `3.4s`, `1m 05s`, `2h 07m`.
#[must_use]
pub fn duration(ms: u64) -> String {
    match ms {
        0..100 => format!("{ms}ms"),
        // In tenths, cut rather than rounded, so that 59.99 s is never shown as 60.0s.
        100..60_000 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{}m {:02}s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{}h {:02}m", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// An amount of data for people: `512 B`, `12 KB`, `1.0 GB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64 / 1000.0;
    let mut unit = 0;
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1000.0;
        unit += 1;
    }
    match amount < 10.0 {
        true => format!("{amount:.1} {}", UNITS[unit]),
        false => format!("{amount:.0} {}", UNITS[unit]),
    }
}

/// `1 job`, `2 jobs`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// A name on one line: what would break the line, or deceive the eye, is escaped.
#[must_use]
pub fn one_line(name: &str) -> Cow<'_, str> {
    if !name.contains(is_unsafe) {
        return Cow::Borrowed(name);
    }
    let mut shown = String::with_capacity(name.len() + 8);
    for char in name.chars() {
        match is_unsafe(char) {
            true => shown.extend(char.escape_default()),
            false => shown.push(char),
        }
    }
    Cow::Owned(shown)
}

/// Whether a name that somebody wrote means this job: blanks outside of texts make no difference, as
/// in a pipeline, so that `test["a",1]` is `test["a", 1]`.
#[must_use]
pub fn is_name_of(written: &str, name: &str) -> bool {
    written == name || without_blanks(written).eq(without_blanks(name))
}

fn without_blanks(name: &str) -> impl Iterator<Item = char> {
    let (mut is_in_text, mut is_escaped) = (false, false);
    name.chars().filter(move |&char| {
        match char {
            '"' if !is_escaped => is_in_text = !is_in_text,
            _ => {}
        }
        is_escaped = is_in_text && char == '\\' && !is_escaped;
        is_in_text || char != ' '
    })
}

/// Whether a character does something to a terminal, or to the order of the text, instead of being
/// shown: controls, and those of the bidirectional algorithm.
#[must_use]
pub fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many columns a text without escape sequences takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(|char| char.width().unwrap_or(0)).sum()
}

/// The text cut to so many columns; what is cut is marked by `…`.
#[must_use]
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if text.len() <= columns || width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let kept: String = text
        .chars()
        .take_while(|char| {
            used += char.width().unwrap_or(0);
            used < columns
        })
        .collect();
    Cow::Owned(if columns == 0 { kept } else { kept + "…" })
}

/// The text filled up with blanks to so many columns.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// The text in lines of at most so many columns, broken between words.
#[must_use]
pub fn wrapped(text: &str, columns: usize) -> String {
    let mut wrapped = String::with_capacity(text.len() + 8);
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = width(word);
        if used > 0 {
            let fits = used + 1 + length <= columns;
            wrapped.push(if fits { ' ' } else { '\n' });
            used = if fits { used + 1 } else { 0 };
        }
        wrapped.push_str(word);
        used += length;
    }
    wrapped
}

/// The name that somebody who typed `wrong` most likely meant, if one is close.
#[must_use]
pub fn closest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // One slip in three characters still looks like the name.
    let bound = (wrong.chars().count() / 3).max(1);
    names
        .map(|name| (strsim::osa_distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= bound)
        .min()
        .map(|(_, name)| name)
}

/// How many names a list shows before it is cut.
const LISTED: usize = 12;

/// Names for people: `a, b and c`, cut after some.
#[must_use]
pub fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.map(one_line).collect();
    match &names[..] {
        [] => "none".to_owned(),
        [only] => only.to_string(),
        [first @ .., last] if names.len() <= LISTED => format!("{} and {last}", first.join(", ")),
        several => format!("{}, …", several[..LISTED].join(", ")),
    }
}

/// The text as one word of a POSIX shell, so that a command that is shown can be copied.
#[must_use]
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(&byte);
    match !text.is_empty() && text.bytes().all(plain) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("'{}'", text.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let shown: Vec<_> = [
            0, 99, 100, 1_234, 59_999, 60_000, 65_400, 3_600_000, 7_625_000,
        ]
        .map(duration)
        .to_vec();
        assert_eq!(
            shown.join(" | "),
            "0ms | 99ms | 0.1s | 1.2s | 59.9s | 1m 00s | 1m 05s | 1h 00m | 2h 07m"
        );
    }

    #[test]
    fn sizes() {
        let shown: Vec<_> = [0, 999, 1_000, 12_345, 999_400, 999_999, 1_000_000_000]
            .map(size)
            .to_vec();
        assert_eq!(
            shown.join(" | "),
            "0 B | 999 B | 1.0 KB | 12 KB | 999 KB | 1.0 MB | 1.0 GB"
        );
    }

    #[test]
    fn blanks_make_no_difference_to_a_name_except_in_its_texts() {
        let name = r#"test["a b\" c", 1]"#;
        for written in [name, r#"test["a b\" c",1]"#, r#"test[ "a b\" c" , 1 ]"#] {
            assert!(is_name_of(written, name), "{written}");
        }
        for written in [r#"test["ab\" c", 1]"#, r#"test["a b\"c", 1]"#, "test", ""] {
            assert!(!is_name_of(written, name), "{written}");
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_and_marked() {
        assert_eq!(fit("compile", 7), "compile");
        assert_eq!(fit("compile", 4), "com…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("x", 0), "");
    }

    #[test]
    fn names_stay_on_one_line_and_show_what_they_hide() {
        assert_eq!(one_line("test[\"ü\"]"), "test[\"ü\"]");
        assert_eq!(one_line("a\nb\x1b[31m\u{202e}"), r"a\nb\u{1b}[31m\u{202e}");
    }

    #[test]
    fn pages_are_broken_between_words() {
        assert_eq!(wrapped("one two  three\nfour", 9), "one two\nthree\nfour");
        assert_eq!(wrapped("incomprehensible no", 5), "incomprehensible\nno");
    }

    #[test]
    fn commands_can_be_copied() {
        assert_eq!(shell_word("build"), "build");
        assert_eq!(shell_word(r#"test["it's"]"#), r#"'test["it'\''s"]'"#);
        assert_eq!(shell_word(""), "''");
    }
}
