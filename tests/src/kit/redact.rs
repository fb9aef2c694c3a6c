//! Takes out of an output what differs from run to run, so that a snapshot shows the rest.

use std::{path::Path, sync::LazyLock};

use regex::Regex;

/// Each pattern with what stands for it. Order matters: the longest form comes first.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // RFC 3339 times, with the T or a blank.
        (
            r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?",
            "[time]",
        ),
        (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "[clock]"),
        // Durations as people and the summary write them: 1m 05s, 1.2 s, 12ms.
        (r"\b\d+(h|m) ?\d+(\.\d+)?(m|s)\b", "[duration]"),
        (r"\b\d+(\.\d+)? ?(ms|µs|s)\b", "[duration]"),
        (r"\b[0-9a-f]{40,64}\b", "[digest]"),
        (r"\bpid \d+\b", "pid [pid]"),
    ]
    .map(|(pattern, shown)| {
        (
            Regex::new(pattern).expect("the kit's patterns are valid"),
            shown,
        )
    })
    .into()
});

/// `text` with times, durations, digests and the sandbox's own path replaced by their names.
#[must_use]
pub fn redact(text: &str, root: &Path) -> String {
    let text = text.replace(&*root.to_string_lossy(), "[root]");
    let redacted = PATTERNS.iter().fold(text, |text, (pattern, shown)| {
        pattern.replace_all(&text, *shown).into_owned()
    });
    // A table pads to the width of what was replaced; trailing blanks say nothing.
    redacted
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        for (text, expected) in [
            ("at 2026-01-02T03:04:05.678Z done", "at [time] done"),
            ("at 2026-01-02 03:04 done", "at [time] done"),
            (
                "took 1m 05s, then 12ms and 0.3 s",
                "took [duration], then [duration] and [duration]",
            ),
            ("in /tmp/gt-x/repo/a", "in [root]/repo/a"),
            ("3 jobs, 10 steps", "3 jobs, 10 steps"),
        ] {
            assert_eq!(redact(text, Path::new("/tmp/gt-x")), expected);
        }
    }
}
