//! The charter's programs, and the examples.

use super::{Tree, request, shown, tree_of};
use dsl::PlanRequest;
use dsl::source::Sources;
use model::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn program(name: &str) -> String {
    std::fs::read_to_string(folder().join("language").join(name)).unwrap()
}

fn source_tree() -> Tree {
    Tree::of(&[("Cargo.lock", "a lock"), ("src/lib.rs", "a library")])
}

fn pull_request() -> PlanRequest {
    let mut request = request("pull_request");
    let text = |text: &str| Value::text(text);
    let fields = [
        ("author", text("ann")),
        ("head", text("feature/x")),
        ("base", text("main")),
        ("title", text("A title; rm -rf /")),
        ("labels", Value::List(vec![text("sandbox")])),
    ];
    request.event.fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
    let inner = [
        ("author", text("ann")),
        ("base", text("main")),
        ("head", text("feature/x")),
        ("number", Value::Int(17)),
        ("title", text("A title")),
    ];
    let inner: BTreeMap<String, Value> = inner.map(|(name, value)| (name.to_owned(), value)).into();
    request
        .event
        .fields
        .insert("pull_request".to_owned(), Value::Map(inner));
    request
}

fn push() -> PlanRequest {
    let mut request = request("push");
    request
        .event
        .fields
        .insert("branch".to_owned(), Value::text("main"));
    request
}

fn label() -> PlanRequest {
    let mut request = pull_request();
    request.event.kind = "label".to_owned();
    request
        .event
        .fields
        .insert("label".to_owned(), Value::text("deploy"));
    request
}

/// Each says what this build lacks, and nothing else.
#[test]
fn programs_check() {
    let mut out = String::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder().join("language"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for path in files {
        let mut sources = Sources::new();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let source = sources.add(&name, std::fs::read_to_string(&path).unwrap());
        let checked = dsl::check(source);
        out.push_str(&format!("== {name}\n"));
        for assumed in &checked.assumed {
            out.push_str(&format!("assumed: {assumed}\n"));
        }
        for (title, _) in &checked.tests {
            out.push_str(&format!("test: {title}\n"));
        }
        out.push_str(&shown(&checked.diagnostics, &sources));
    }
    snapshot!(out);
}

#[test]
fn the_smallest() {
    snapshot!(tree_of(
        &program("01-smallest.gantry"),
        &request("manual"),
        &Tree::default()
    ));
}

#[test]
fn a_library_on_two_systems() {
    let text = program("02-library.gantry");
    let tree = source_tree();
    let trees = [push(), pull_request(), request("manual"), request("tag")].map(|request| {
        format!(
            "== {}\n{}",
            request.event.kind,
            tree_of(&text, &request, &tree)
        )
    });
    snapshot!(trees.join("\n"));
}

#[test]
fn deploy_by_label() {
    snapshot!(tree_of(
        &program("03-deploy-by-label.gantry"),
        &label(),
        &source_tree()
    ));
    let mut untrusted = pull_request();
    untrusted.event.trusted = false;
    snapshot!(tree_of(
        &program("03-deploy-by-label.gantry"),
        &untrusted,
        &source_tree()
    ));
}

#[test]
fn work_that_is_found_while_running() {
    let text = program("05-dynamic-fan-out.gantry");
    snapshot!(tree_of(&text, &push(), &Tree::default()));
    let plan = super::plan(&text, &push(), &Tree::default()).unwrap();
    snapshot!(
        "dynamic_fan_out_json",
        serde_json::to_string_pretty(&dsl::graph::plan_json(&plan)).unwrap()
    );
    snapshot!("dynamic_fan_out_dot", dsl::graph::dot(&plan));
    snapshot!(
        "dynamic_fan_out_plan",
        serde_json::to_string_pretty(&plan).unwrap()
    );
}

#[test]
fn an_environment_of_ones_own() {
    snapshot!(tree_of(
        &program("07-sandbox.gantry"),
        &pull_request(),
        &Tree::default()
    ));
}

/// With the site file at hand, its names are known, and wrong ones are found.
#[test]
fn names_of_the_site_file() {
    let mut sources = Sources::new();
    let site = dsl::Site::read(sources.add("site.gantry", program("09-site.gantry"))).unwrap();
    let mut said = String::new();
    for text in [
        program("03-deploy-by-label.gantry"),
        "pipeline p { owner = team.payment\n job a { environment = prd[\"eu\"], runs_on = worker.rol == \"web\", sh \"x\" } }".to_owned(),
        "pipeline p { job a { runs_on = worker.role == \"wep\", sh \"x\" } }".to_owned(),
    ] {
        let mut sources = Sources::new();
        let source = sources.add("a.gantry", text);
        let checked = dsl::check_with(source, Some(&site));
        assert!(checked.assumed.is_empty());
        said.push_str(&shown(&checked.diagnostics, &sources));
    }
    snapshot!(said);
}

/// The examples are right, and run on this build.
#[test]
fn examples_are_planned() {
    let mut n_examples = 0;
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.gantry/ci.gantry");
    let examples = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for path in examples.chain([own]) {
        if path
            .extension()
            .is_none_or(|extension| extension != "gantry")
        {
            continue;
        }
        n_examples += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let said = super::report(&text);
        assert!(said.is_empty(), "{}\n{said}", path.display());
        let plan = super::plan(&text, &request("manual"), &source_tree()).unwrap();
        assert_eq!(plan.unsupported, [], "{}", path.display());
    }
    assert!(n_examples > 8);
}
