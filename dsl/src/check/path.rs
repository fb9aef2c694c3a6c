//! Paths of a pipeline lie inside the workspace, are written with `/`, and mean the same everywhere.

use super::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Which paths a place takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathRule {
    /// With `*`, `?`, `[…]`, `{…}`.
    pub(super) is_glob: bool,
    /// Also below `~/`, the job's own home.
    pub(super) home: bool,
}

impl PathRule {
    pub(super) const PLAIN: Self = Self {
        is_glob: false,
        home: false,
    };
    pub(super) const GLOB: Self = Self {
        is_glob: true,
        home: false,
    };
    pub(super) const CACHE: Self = Self {
        is_glob: true,
        home: true,
    };
}

/// Why a path can't be taken, and what to do.
fn problem(path: &str, rule: PathRule) -> Option<(&'static str, &'static str)> {
    let below_home = path.strip_prefix("~/").filter(|_| rule.home);
    let path = below_home.unwrap_or(path);
    let bytes = path.as_bytes();
    let drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    if path.is_empty() {
        Some(("it is empty", "write `.` for the workspace itself"))
    } else if path.starts_with('~') {
        Some((
            "`~` is not in the workspace",
            "a job has a home of its own, which only a `cache` can name: give a path in the workspace",
        ))
    } else if path.starts_with(['/', '\\']) || drive {
        Some((
            "it begins at the root of the machine",
            "write it relative to the workspace: `target/app`",
        ))
    } else if path.contains('\\') {
        Some(("it has a `\\`", "write `/`, which works on Windows too"))
    } else if path.split('/').any(|part| part == "..") {
        Some((
            "`..` leads out of the workspace",
            "a job reads and writes in its workspace only: copy what is needed there",
        ))
    } else if path.contains(['\0', '\n', '\r']) {
        Some(("it holds a line ending or a NUL", "write it on one line"))
    } else {
        None
    }
}

impl Checker<'_> {
    /// Whether it can be taken; says why not.
    pub(super) fn path(&mut self, path: &str, rule: PathRule, span: Span) -> bool {
        if let Some((why, help)) = problem(path, rule) {
            let shown: String = path.chars().take(60).collect();
            self.sink.push(
                Diagnostic::error(
                    Code::UnsafePath,
                    format!("the path `{}` can't be used: {why}", shown.escape_debug()),
                    span,
                    why,
                )
                .help(help),
            );
            return false;
        }
        // Only these can be wrong; to compile a pattern is not free.
        if rule.is_glob && path.contains(['[', ']', '{', '}']) {
            let glob = globset::GlobBuilder::new(path)
                .literal_separator(true)
                .build();
            if let Err(error) = glob {
                self.sink.push(
                    Diagnostic::error(
                        Code::BadGlob,
                        format!("this pattern can't be read: {}", error.kind()),
                        span,
                        "not a pattern",
                    )
                    .help("`*` is any text without `/`, `**` any folders, `[ab]` a choice, `{a,b}` alternatives"),
                );
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let check = |path, rule, is_fine: bool| {
            assert_eq!(problem(path, rule).is_none(), is_fine, "{path:?}");
        };
        for path in [
            "a",
            "a/b",
            "./a",
            "src/**",
            "a..b",
            "..a/b",
            ".",
            "a/~b",
            "name with blanks",
        ] {
            check(path, PathRule::GLOB, true);
        }
        for path in [
            "", "..", "../x", "a/../b", "/a", "\\a", "C:/a", "c:a", "a\\b", "~", "~/a", "~u/a",
            "a\nb", "a\0",
        ] {
            check(path, PathRule::GLOB, false);
        }
        check("~/.cargo/registry", PathRule::CACHE, true);
        check("~/../x", PathRule::CACHE, false);
        check("~//etc", PathRule::CACHE, false);
        check("~root/x", PathRule::CACHE, false);
    }
}
