//! Whatever the text, the checker and the planner end, and say something or make a plan.

use super::{Tree, report, request};
use proptest::prelude::*;

/// Programs that use most of the language, to be cut up.
fn seeds() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut seeds = Vec::new();
    for folder in [folder.join("language"), folder] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "gantry")
            {
                seeds.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    seeds.sort();
    seeds
}

/// Pieces of the language.
const WORDS: [&str; 40] = [
    "job", "stage", "sh", "\"x\"", "{", "}", "=", "for", "in", "[", "]", "needs", "event", ".",
    "kind", "==", "\"push\"", "param", "x", "y", ":", "string", "(", ")", "secret", "digest",
    "worker", "and", "10m", "1", "output", "env", "when", "not", ",", "\n", "if", "then", "else",
    "finally",
];

/// Tokens of a text, roughly: what a mutation moves about.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
        tokens.push(c.to_string());
    }
    tokens.push(word);
    tokens
}

fn check_all(text: &str) {
    let _ = report(text);
    for kind in ["manual", "push", "pull_request", "label"] {
        let _ = super::plan(text, &request(kind), &Tree::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn mutated_programs_never_panic(
        seed in 0_usize..100,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4), 1..8),
    ) {
        let seeds = seeds();
        let mut tokens = tokens(&seeds[seed % seeds.len()]);
        for (at, other, kind) in changes {
            let at = at.index(tokens.len());
            match kind {
                0 => drop(tokens.remove(at)),
                1 => tokens[at] = WORDS[other.index(WORDS.len())].to_owned(),
                2 => {
                    let other = other.index(tokens.len());
                    tokens.swap(at, other);
                }
                _ => {
                    let copy = tokens[other.index(tokens.len())].clone();
                    tokens.insert(at, copy);
                }
            }
            if tokens.is_empty() {
                break;
            }
        }
        check_all(&tokens.concat());
    }

    #[test]
    fn random_words_never_panic(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..60)) {
        check_all(&format!("pipeline p {{ {} }}", words.join(" ")));
        check_all(&format!("pipeline p {{ job a {{ env {{ A = {} }}, sh \"x\" }} }}", words.join(" ")));
    }
}
