//! The rules that no compiler holds: which crate may use which, and that the documents' links lead
//! somewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tests::kit::workspace_root;

/// Crates of the workspace, and which others of it each may use. The binary may use all.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("model", &[]),
    ("dsl", &["model"]),
    ("scheduler", &["model"]),
    ("protocol", &["model"]),
    ("runner", &["model", "dsl", "scheduler", "protocol"]),
    ("worker", &["model", "protocol"]),
    (
        "gantry",
        &["model", "dsl", "scheduler", "protocol", "runner", "worker"],
    ),
    ("tests", &[]),
];

/// Crates that are pure: no IO, no async, so none of the crates that bring them, not even through
/// another one.
const PURE: [&str; 3] = ["model", "dsl", "scheduler"];

/// What a pure crate must not reach.
const IMPURE: [&str; 11] = [
    "tokio",
    "mio",
    "rusqlite",
    "libsqlite3-sys",
    "rustix",
    "interprocess",
    "tracing",
    "jiff",
    "getrandom",
    "rand",
    "tempfile",
];

/// Outside crates that the smallest crates may name, so that a new one is a decision.
const NAMED: [(&str, &[&str]); 3] = [
    // `checked(text, regex)` is a function of the language, so the evaluator matches.
    ("model", &["regex-lite", "serde", "serde_json", "thiserror"]),
    (
        "dsl",
        &[
            "globset",
            "pest",
            "pest_derive",
            "serde",
            "serde_json",
            "strsim",
            "thiserror",
            "unicode-width",
        ],
    ),
    ("scheduler", &["thiserror", "serde", "serde_json"]),
];

#[test]
fn crates_use_only_what_the_architecture_allows() {
    let graph = Graph::read();
    let known: BTreeSet<_> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let members: BTreeSet<_> = graph.members.iter().map(String::as_str).collect();
    assert_eq!(members, known, "the workspace and the table differ");
    for (name, allowed) in ALLOWED {
        for used in graph.direct(name).filter(|used| members.contains(used)) {
            assert!(allowed.contains(&used), "`{name}` must not use `{used}`");
        }
    }
}

#[test]
fn pure_crates_reach_no_io_and_no_async() {
    let graph = Graph::read();
    for name in PURE {
        for reached in graph.reached(name) {
            assert!(
                !IMPURE.contains(&reached.as_str()),
                "`{name}` reaches `{reached}`"
            );
        }
    }
    for (name, named) in NAMED {
        for used in graph
            .direct(name)
            .filter(|used| !graph.members.contains(*used))
        {
            assert!(
                named.contains(&used),
                "`{name}` names `{used}`, which the table doesn't"
            );
        }
    }
}

/// The worker must be able to run without the runner's half, so it must not reach it either.
#[test]
fn worker_reaches_neither_language_nor_store() {
    let reached = Graph::read().reached("worker");
    for other in ["dsl", "scheduler", "runner", "rusqlite", "pest"] {
        assert!(!reached.contains(other), "`worker` reaches `{other}`");
    }
}

/// Every link of the documents to a file of the repository leads to one, and every heading that
/// is linked to exists.
#[test]
fn links_of_the_documents_resolve() {
    let root = workspace_root();
    let mut pages = vec![
        root.join("README.md"),
        root.join("CONTRIBUTING.md"),
        root.join("CHANGELOG.md"),
    ];
    for folder in ["docs", "grammar", "examples"] {
        markdown_below(&root.join(folder), &mut pages);
    }
    let broken: Vec<String> = pages.iter().flat_map(|page| broken_links(page)).collect();
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

/// The exit codes that the binary uses are those that the documents promise.
#[test]
fn exit_codes_of_the_code_are_those_of_the_documents() {
    let read = |path: &str| fs::read_to_string(workspace_root().join(path)).expect("it is there");
    let code = read("cli/src/exit_code.rs");
    let mut in_code: Vec<(u8, &str)> = code
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "))
        .filter_map(|(name, number)| Some((number.parse().ok()?, name)))
        .collect();
    let documents = read("docs/exit-codes.md");
    let mut in_documents: Vec<(u8, String)> = documents
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let number = cells.next()?.parse().ok()?;
            // `run failed` in the documents is `RunFailed` in the code.
            let words = cells.next()?.split(' ').map(|word| {
                let (first, rest) = word.split_at(1);
                first.to_uppercase() + rest
            });
            Some((number, words.collect()))
        })
        .collect();
    in_code.sort_unstable();
    in_documents.sort_unstable();
    assert!(!in_documents.is_empty(), "the table has gone");
    assert!(
        in_code
            .iter()
            .copied()
            .eq(in_documents.iter().map(|(number, name)| (*number, &**name))),
        "{in_code:?} and {in_documents:?}"
    );
}

/// Direct and transitive dependencies of every package, as `cargo` resolved them for this machine.
/// Development dependencies are left out: a test may use what it likes.
struct Graph {
    members: BTreeSet<String>,
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read() -> Self {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .current_dir(workspace_root())
            .args([
                "metadata",
                "--format-version=1",
                "--locked",
                "--filter-platform",
            ])
            .arg("x86_64-unknown-linux-gnu")
            .output()
            .expect("cargo starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
        let names: BTreeMap<&str, &str> = array(&metadata["packages"])
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let members = array(&metadata["workspace_members"])
            .map(|id| names[text(id)].to_owned())
            .collect();
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in array(&metadata["resolve"]["nodes"]) {
            let used = array(&node["deps"])
                .filter(|dep| array(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null()))
                .map(|dep| names[text(&dep["pkg"])].to_owned());
            // Two versions of one crate are one name here, which only makes the rules stricter.
            uses.entry(names[text(&node["id"])].to_owned())
                .or_default()
                .extend(used);
        }
        Self { members, uses }
    }

    fn direct(&self, name: &str) -> impl Iterator<Item = &str> {
        self.uses[name].iter().map(String::as_str)
    }

    fn reached(&self, name: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut to_see = vec![name.to_owned()];
        while let Some(name) = to_see.pop() {
            for used in self.direct(&name) {
                if reached.insert(used.to_owned()) {
                    to_see.push(used.to_owned());
                }
            }
        }
        reached
    }
}

fn array(value: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().expect("cargo's ids and names are strings")
}

fn markdown_below(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("the repository can be read").path();
        if path.is_dir() {
            markdown_below(&path, pages);
        } else if path.extension().is_some_and(|ext| ext == "md") {
            pages.push(path);
        }
    }
}

fn broken_links(page: &Path) -> Vec<String> {
    let Ok(content) = fs::read_to_string(page) else {
        return vec![format!("{}: is missing", page.display())];
    };
    links(&content)
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => page.to_owned(),
                file => page.parent().expect("a page is in a folder").join(file),
            };
            let found = path.exists()
                && (heading.is_empty()
                    || fs::read_to_string(&path).is_ok_and(|text| has_heading(&text, heading)));
            (!found).then(|| format!("{}: {target}", page.display()))
        })
        .collect()
}

/// The targets of `[text](target)` outside of code.
fn links(content: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    content
        .lines()
        .filter(move |line| {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            }
            !in_code
        })
        // Every second piece between backticks is code.
        .flat_map(|line| line.split('`').step_by(2))
        .flat_map(|piece| piece.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// Whether a heading has this anchor, by the rule of the code hosts: lower case, blanks become
/// dashes, punctuation goes.
fn has_heading(content: &str, anchor: &str) -> bool {
    content
        .lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| {
            let slug: String = line
                .trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter_map(|c| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                    _ => None,
                })
                .collect();
            slug == anchor
        })
}
