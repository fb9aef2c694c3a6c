//! The checker and the planner, as authors meet them: what is said about wrong programs, and what
//! plans of right ones are.

/// A snapshot without the expression that made it: the programs stand in the snapshot.
macro_rules! snapshot {
    ($($arguments:tt)*) => {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($($arguments)*);
        })
    };
}

mod bounds;
mod mistakes;
mod plans;
mod programs;
mod properties;
mod safety;

use dsl::diagnostic::Diagnostic;
use dsl::diagnostic::render::{Style, full};
use dsl::source::Sources;
use dsl::{Commit, CommitError, PlanRequest};
use model::Plan;
use std::collections::BTreeMap;

/// All that is said about a file, the file itself shown in it.
fn report(text: &str) -> String {
    let mut sources = Sources::new();
    let source = sources.add("a.gantry", text);
    let found = dsl::check(source).diagnostics;
    shown(&found, &sources)
}

fn shown(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let shown = diagnostics
        .iter()
        .map(|one| full(one, sources, Style::Plain));
    shown.collect::<Vec<_>>().join("\n")
}

/// Each program, and below it what is said about it.
fn reports(programs: &[&str]) -> String {
    let reports = programs.iter().map(|program| {
        let program = program.trim_matches('\n');
        let said = report(program);
        let said = if said.is_empty() {
            "nothing\n".to_owned()
        } else {
            said
        };
        format!("{program}\n\n{said}")
    });
    reports
        .collect::<Vec<_>>()
        .join("\n----------------------------------------\n\n")
}

/// The same for what stands in a pipeline.
fn reports_in_pipeline(bodies: &[&str]) -> String {
    let programs: Vec<String> = bodies
        .iter()
        .map(|body| format!("pipeline p {{\n{}\n}}", body.trim_matches('\n')))
        .collect();
    let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
    reports(&programs)
}

/// A source tree of these files.
#[derive(Debug, Default)]
struct Tree(BTreeMap<&'static str, &'static str>);

impl Tree {
    fn of(files: &[(&'static str, &'static str)]) -> Self {
        Self(files.iter().copied().collect())
    }

    fn matching(&self, patterns: &[&str]) -> Vec<(&'static str, &'static str)> {
        let globs: Vec<_> = patterns
            .iter()
            .map(|pattern| globset::Glob::new(pattern).unwrap().compile_matcher())
            .collect();
        let files = self.0.iter().map(|(path, text)| (*path, *text));
        // Backwards: the planner must not depend on the order.
        files
            .rev()
            .filter(|(path, _)| globs.iter().any(|glob| glob.is_match(path)))
            .collect()
    }
}

impl Commit for Tree {
    fn glob(&self, patterns: &[&str]) -> Result<Vec<String>, CommitError> {
        Ok(self
            .matching(patterns)
            .iter()
            .map(|(path, _)| (*path).to_owned())
            .collect())
    }
    fn digest(&self, patterns: &[&str]) -> Result<String, CommitError> {
        match self.matching(patterns).as_slice() {
            [] => Err(CommitError(format!(
                "no file matches {}",
                patterns.join(", ")
            ))),
            files => Ok(format!("digest of {files:?}")),
        }
    }
    fn read(&self, path: &str) -> Result<String, CommitError> {
        let text = self.0.get(path).map(|text| (*text).to_owned());
        text.ok_or_else(|| CommitError(format!("there is no file {path}")))
    }
    fn changed(&self, patterns: &[&str]) -> Result<bool, CommitError> {
        Ok(!self.matching(patterns).is_empty())
    }
}

/// Plans a program, or says why not.
fn plan(text: &str, request: &PlanRequest, tree: &Tree) -> Result<Plan, String> {
    let mut sources = Sources::new();
    let source = sources.add("a.gantry", text);
    let checked = dsl::check(source);
    checked
        .plan(request, tree)
        .map_err(|found| shown(&found, &sources))
}

/// The plan of a program as a tree, or why there is none.
fn tree_of(text: &str, request: &PlanRequest, files: &Tree) -> String {
    plan(text, request, files).map_or_else(|error| error, |plan| dsl::graph::text(&plan))
}

fn request(kind: &str) -> PlanRequest {
    let mut request = PlanRequest::manual();
    request.event.kind = kind.to_owned();
    request.event.commit = "0123456789abcdef".to_owned();
    request.os = dsl::plan::HostOs::Linux;
    request
}
