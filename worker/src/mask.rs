//! Takes secrets out of a stream of bytes, before it is written anywhere.

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use std::collections::BTreeMap;
use std::ops::Range;

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";

/// Secrets shorter than this are not masked: they would be found in every second line of a log.
const SHORTEST: usize = 3;

/// Lines of a secret of many lines are masked one by one as well, since programs print them one by one.
/// Shorter ones are not: `}` is a line of most keys in JSON.
const SHORTEST_LINE: usize = 8;

/// Finds secrets in a stream, however it is cut. What may be the beginning of a secret is held back
/// until it is known, and nothing else is.
#[derive(Debug, Default)]
pub struct Masker {
    search: Option<Search>,
    /// What was held back: a proper beginning of a pattern.
    held: Vec<u8>,
    /// Names of secrets that are too short to be masked.
    unmasked: Vec<String>,
}

#[derive(Debug)]
struct Search {
    automaton: AhoCorasick,
    patterns: Vec<Vec<u8>>,
    longest: usize,
}

impl Masker {
    /// For these secrets, by name.
    ///
    /// # Errors
    /// Where they are too large to be searched for together.
    pub fn new(secrets: &BTreeMap<String, Vec<u8>>) -> Result<Self, BuildError> {
        let mut patterns = Vec::new();
        let mut unmasked = Vec::new();
        for (name, value) in secrets {
            match value.len() {
                // An empty secret hides nothing.
                0 => {}
                n if n < SHORTEST => unmasked.push(name.clone()),
                _ => patterns.extend(forms(value)),
            }
        }
        patterns.sort_unstable();
        patterns.dedup();
        let search = match patterns.iter().map(Vec::len).max() {
            None => None,
            Some(longest) => Some(Search {
                automaton: AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostLongest)
                    .build(&patterns)?,
                patterns,
                longest,
            }),
        };
        Ok(Self {
            search,
            held: Vec::new(),
            unmasked,
        })
    }

    /// The names of the secrets that are too short to be masked.
    #[must_use]
    pub fn unmasked(&self) -> &[String] {
        &self.unmasked
    }

    /// Takes a piece of the stream, and hands on, in pieces, what of it is known to be no secret.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn feed<E>(
        &mut self,
        piece: &[u8],
        write: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(search) = &self.search else {
            return write(piece);
        };
        if self.held.is_empty() {
            let rest = search.run(piece, false, write)?;
            self.held.extend_from_slice(&piece[rest]);
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(piece);
            let rest = search.run(&joined, false, write)?;
            joined.drain(..rest.start);
            self.held = joined;
        }
        Ok(())
    }

    /// The stream ends here: hands on what was held back.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn finish<E>(&mut self, write: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let held = std::mem::take(&mut self.held);
        match &self.search {
            Some(search) if !held.is_empty() => search.run(&held, true, write).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// The same for a text that is whole.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        match &self.search {
            None => text.to_owned(),
            Some(search) => {
                let masked = search
                    .automaton
                    .replace_all_bytes(text.as_bytes(), &vec![MASK; search.patterns.len()]);
                String::from_utf8_lossy(&masked).into_owned()
            }
        }
    }
}

/// All forms in which a secret is looked for.
fn forms(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let lines = value
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| line.len() >= SHORTEST_LINE);
    // What is read from a file often ends with a newline, and is printed without it.
    let whole = value.trim_ascii_end();
    let whole = if whole.len() < SHORTEST { value } else { whole };
    std::iter::once(whole).chain(lines).map(<[u8]>::to_vec)
}

impl Search {
    /// Hands on `bytes` without the secrets, and answers the end of it that is still open: all that
    /// may yet become a secret with what follows.
    fn run<E>(
        &self,
        bytes: &[u8],
        last: bool,
        write: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Range<usize>, E> {
        let mut done = 0;
        let mut open = match last {
            true => bytes.len(),
            false => self.open_from(bytes, 0),
        };
        for found in self.automaton.find_iter(bytes) {
            // A longer secret may begin where this one does, or before it.
            if found.start() >= open {
                break;
            }
            if done < found.start() {
                write(&bytes[done..found.start()])?;
            }
            write(MASK)?;
            done = found.end();
            // What was open was a part of the secret that was found.
            if done > open {
                open = self.open_from(bytes, done);
            }
        }
        if done < open {
            write(&bytes[done..open])?;
        }
        Ok(open..bytes.len())
    }

    /// Where the first proper beginning of a pattern stands that reaches to the end.
    fn open_from(&self, bytes: &[u8], from: usize) -> usize {
        let from = from.max(bytes.len().saturating_sub(self.longest - 1));
        (from..bytes.len())
            .find(|&start| {
                let tail = &bytes[start..];
                self.patterns
                    .iter()
                    .any(|pattern| pattern.len() > tail.len() && pattern.starts_with(tail))
            })
            .unwrap_or(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Masker;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    fn masker(secrets: &[&str]) -> Masker {
        let secrets: BTreeMap<String, Vec<u8>> = secrets
            .iter()
            .enumerate()
            .map(|(n, secret)| (format!("s{n}"), secret.as_bytes().to_vec()))
            .collect();
        Masker::new(&secrets).unwrap()
    }

    /// What comes out for these pieces.
    fn masked<'a>(secrets: &[&str], pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut masker = masker(secrets);
        let mut out = Vec::new();
        let mut write = |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            Ok::<(), Infallible>(())
        };
        for piece in pieces {
            let Ok(()) = masker.feed(piece, &mut write);
        }
        let Ok(()) = masker.finish(&mut write);
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(secrets: &[&str], text: &str, expected: &str) {
        assert_eq!(masked(secrets, [text.as_bytes()]), expected, "whole");
        assert_eq!(
            masked(secrets, text.as_bytes().chunks(1)),
            expected,
            "byte by byte"
        );
        if !secrets.is_empty() {
            assert_eq!(masker(secrets).text(text), expected, "as a text");
        }
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        check(&[], "nothing to hide", "nothing to hide");
        check(&["hunter2"], "a hunter2 b", "a *** b");
        check(&["hunter2"], "hunter2", "***");
        check(&["hunter2"], "hunter2hunter2hunter", "******hunter");
        check(&["hunter2"], "hunthunter2", "hunt***");
        check(&["aab"], "aaab aaaab", "a*** aa***");
    }

    #[test]
    fn longer_one_wins() {
        check(&["abc", "abcdef"], "abcdef abcde abc", "*** ***de ***");
        check(&["bcd", "abcde"], "abcde abcd", "*** a***");
    }

    #[test]
    fn lines_of_a_long_secret_are_masked_one_by_one() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n}\n-----END KEY-----\n";
        check(&[key], key, "***\n");
        check(
            &[key],
            "x MIIEvQIBADANBg\r\n  -----END KEY-----",
            "x ***\r\n  ***",
        );
        check(&[key], "}", "}");
    }

    #[test]
    fn short_secrets_are_named_instead() {
        let masker = masker(&["", "ab", "abc"]);
        assert_eq!(masker.unmasked(), ["s1"]);
    }

    #[test]
    fn only_what_may_become_a_secret_is_held_back() {
        let mut masker = masker(&["secret-value"]);
        let mut out = Vec::new();
        let mut feed = |piece: &str| {
            let Ok(()) = masker.feed(piece.as_bytes(), &mut |bytes: &[u8]| {
                out.extend_from_slice(bytes);
                Ok::<(), Infallible>(())
            });
            String::from_utf8(std::mem::take(&mut out)).unwrap()
        };
        assert_eq!(feed("a prompt: "), "a prompt: ");
        assert_eq!(feed("the sec"), "the ");
        assert_eq!(feed("tion"), "section");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(
            secrets in prop::collection::vec("[ab]{3,6}", 1..4),
            text in "[abc]{0,60}",
            cuts in prop::collection::vec(0usize..60, 0..12),
        ) {
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]);
            let whole = masker(&secrets).text(&text);
            prop_assert_eq!(&masked(&secrets, pieces), &whole);
            for secret in &secrets {
                prop_assert!(!whole.contains(secret));
            }
        }
    }
}
