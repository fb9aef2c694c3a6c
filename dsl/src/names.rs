//! "Did you mean": which of the names that would be right is close to the one that was written.

/// The candidate that is nearest to `wrong`, if one is near enough to have been meant.
pub(crate) fn closest<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = distance_limit(wrong);
    let lower = wrong.to_ascii_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        // The distance is at least the difference in length, which is far cheaper to know.
        if candidate.len().abs_diff(wrong.len()) > limit || candidate == wrong {
            continue;
        }
        let distance = strsim::osa_distance(&lower, &candidate.to_ascii_lowercase());
        if distance <= limit && best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// A third of the letters may be wrong: `tset` is `test`, but `a` is not `b`.
fn distance_limit(wrong: &str) -> usize {
    match wrong.len() {
        0..=2 => 0,
        3..=5 => 2,
        length => length / 3,
    }
}

/// `a`, `a or b`, `a, b or c`; names in backticks.
pub(crate) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    listed(names, "or")
}

/// `a`, `a and b`, `a, b and c`; names in backticks.
pub(crate) fn all_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    listed(names, "and")
}

/// How many names a message lists before it says `…`.
const LISTED_LIMIT: usize = 12;

fn listed<'a>(names: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [single] => single.clone(),
        many if many.len() > LISTED_LIMIT => format!("{}, …", many[..LISTED_LIMIT].join(", ")),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

/// The word with its article: `an int`, `a list(string)`.
pub(crate) fn with_article(word: &str) -> String {
    match word.as_bytes().first() {
        Some(b'a' | b'e' | b'i' | b'o' | b'u') => format!("an {word}"),
        _ => format!("a {word}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_meant() {
        let check = |wrong, candidates: &[&'static str], meant| {
            assert_eq!(closest(wrong, candidates.iter().copied()), meant, "{wrong}");
        };
        check("need", &["needs", "when"], Some("needs"));
        check("tset", &["test", "lint"], Some("test"));
        check("When", &["when"], Some("when"));
        check("a", &["b"], None);
        check("deploy", &["build", "test"], None);
        check("", &["a"], None);
    }

    #[test]
    fn lists_are_read_aloud() {
        assert_eq!(one_of(["a"]), "`a`");
        assert_eq!(one_of(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(all_of(["a", "b"]), "`a` and `b`");
    }
}
