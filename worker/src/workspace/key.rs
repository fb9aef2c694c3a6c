//! From a job's name to the name of a folder.

use std::ffi::OsString;

/// The longest name that is kept as it is; a path has to fit the bounds of sockets and of Windows.
const MAX_LENGTH: usize = 64;

/// How many hexadecimal digits of a digest keep two names apart that would look the same.
const N_DIGITS: usize = 8;

/// The name of a job's folder: the job's own where every system allows it, else a likeness of it with
/// a part of its digest.
pub(super) fn folder_name(key: &str) -> OsString {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_plain = (1..=MAX_LENGTH).contains(&key.len())
        // No upper case: two names that differ in it only are one on some systems.
        && key.chars().all(|c| is_allowed(c) && !c.is_ascii_uppercase())
        && !key.starts_with('.')
        && !key.ends_with('.')
        && !is_device(key);
    if is_plain {
        return key.into();
    }
    let mut name = String::from("job-");
    for c in key.chars().take(MAX_LENGTH - N_DIGITS - "job--".len()) {
        match c {
            c if is_allowed(c) => name.push(c),
            // One for a row of others: `test["a", "b"]` is `test_a_b`.
            _ if name.ends_with(['_', '-']) => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_end_matches(['_', '.', '-']);
    let digest = blake3::hash(key.as_bytes()).to_hex();
    format!("{name}-{}", &digest[..N_DIGITS]).into()
}

/// Names that Windows gives to devices, with any ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let numbered = |prefix| {
        stem.strip_prefix(prefix)
            .is_some_and(|n| n.len() == 1 && n != "0" && n.bytes().all(|b| b.is_ascii_digit()))
    };
    matches!(stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(key: &str, name: &str) {
        assert_eq!(folder_name(key), name);
    }

    #[test]
    fn plain_names_stay() {
        check("build", "build");
        check("ci.test_2", "ci.test_2");
    }

    #[test]
    fn other_names_are_likened() {
        let names = [r#"test["linux", "stable"]"#, "", "..", "nul.txt", "Build"];
        let names = names.map(|key| folder_name(key).into_string().unwrap());
        insta::assert_snapshot!(names.join("\n"), @r"
        job-test_linux_stable-1b9aa65c
        job-af1349b9
        job-ee7fc388
        job-nul.txt-2ad7c3a3
        job-Build-f5658251
        ");
    }

    proptest! {
        #[test]
        fn every_name_is_a_folder_of_its_own(a in ".{0,90}", b in ".{0,90}") {
            let name = folder_name(&a).into_string().unwrap();
            prop_assert!(name.len() <= MAX_LENGTH);
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)));
            prop_assert!(!name.starts_with('.') && !name.ends_with('.') && !is_device(&name));
            prop_assert_eq!(a == b, folder_name(&a) == folder_name(&b));
        }
    }
}
