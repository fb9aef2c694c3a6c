//! What git says about the working tree. Git is called as a program; where it is missing or the
//! folder is no repository, there is just nothing to say.

use super::Repository;
use std::process::{Command, Stdio};

/// Where the working tree stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The commit; empty where there is none.
    pub commit: String,
    /// The branch; empty where none is checked out.
    pub branch: String,
    /// Whether there are changes that are not in the commit.
    pub dirty: bool,
}

/// Who made the commit, and what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// The name of its author.
    pub author: String,
    /// The first line of its message.
    pub title: String,
}

/// Asks where the working tree stands.
#[must_use]
pub fn head(repository: &Repository) -> Head {
    let args = [
        "status",
        "--porcelain=v2",
        "--branch",
        "--untracked-files=normal",
        "-z",
    ];
    output(repository, &args).map_or_else(Head::default, |text| parse_status(&text))
}

/// Asks for the last commit.
#[must_use]
pub fn last_commit(repository: &Repository) -> Commit {
    let args = ["log", "-1", "--no-show-signature", "--format=%an%x00%s"];
    let text = output(repository, &args).unwrap_or_default();
    let (author, title) = text.trim_end().split_once('\0').unwrap_or_default();
    Commit {
        author: author.to_owned(),
        title: title.to_owned(),
    }
}

/// The name of the person at the desk, as git knows it.
#[must_use]
pub fn user(repository: &Repository) -> String {
    let name = output(repository, &["config", "--get", "user.name"]);
    name.unwrap_or_default().trim_end().to_owned()
}

/// The files that git knows or does not ignore; `None` where it knows nothing.
#[must_use]
pub fn files(repository: &Repository) -> Option<Vec<String>> {
    let args = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    Some(names(&output(repository, &args)?))
}

/// The files that differ from where this branch left the one that it will be merged into; `None`
/// where there is no such commit.
#[must_use]
pub fn changed_files(repository: &Repository) -> Option<Vec<String>> {
    let base = upstream(repository)?;
    let merge_base = output(
        repository,
        &["merge-base", "--end-of-options", &base, "HEAD"],
    )?;
    let merge_base = merge_base.trim_end();
    let differing = [
        "diff",
        "--name-only",
        "-z",
        "--end-of-options",
        merge_base,
        "--",
    ];
    let mut files = names(&output(repository, &differing)?);
    // What git does not know yet is a change too.
    let untracked = ["ls-files", "--others", "--exclude-standard", "-z"];
    files.extend(names(&output(repository, &untracked)?));
    Some(files)
}

/// The branch that work is merged into: what the remote calls its head, or what most call theirs.
fn upstream(repository: &Repository) -> Option<String> {
    let candidates = [
        "refs/remotes/origin/HEAD",
        "refs/heads/main",
        "refs/heads/master",
    ];
    candidates
        .into_iter()
        .find(|name| output(repository, &["rev-parse", "--verify", "--quiet", name]).is_some())
        .map(str::to_owned)
}

fn names(text: &str) -> Vec<String> {
    let names = text.split('\0').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// What git prints; `None` where it fails.
fn output(repository: &Repository, args: &[&str]) -> Option<String> {
    if !repository.is_git {
        return None;
    }
    let output = Command::new("git")
        // Looking must not write to the index, start a daemon or ask anybody anything.
        .args(["--no-optional-locks", "-c", "core.fsmonitor=false"])
        .args(args)
        .current_dir(&repository.root)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// Reads `git status --porcelain=v2 --branch -z`.
fn parse_status(text: &str) -> Head {
    let mut head = Head::default();
    for entry in text.split('\0').filter(|entry| !entry.is_empty()) {
        match entry
            .strip_prefix("# branch.")
            .and_then(|entry| entry.split_once(' '))
        {
            Some(("oid", oid)) if oid != "(initial)" => head.commit = oid.to_owned(),
            Some(("head", name)) if name != "(detached)" => head.branch = name.to_owned(),
            Some(_) => {}
            None if entry.starts_with('#') => {}
            None => head.dirty = true,
        }
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_working_tree_stands() {
        let clean = parse_status("# branch.oid 3f2c1a\0# branch.head main\0# branch.ab +1 -0\0");
        assert_eq!(clean.commit, "3f2c1a");
        assert_eq!(clean.branch, "main");
        assert!(!clean.dirty);
        let dirty = parse_status("# branch.oid 3f2c1a\0# branch.head (detached)\0? new file\0");
        assert_eq!(dirty.branch, "");
        assert!(dirty.dirty);
        assert_eq!(parse_status("# branch.oid (initial)\0").commit, "");
    }
}
