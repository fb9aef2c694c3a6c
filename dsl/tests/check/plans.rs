//! Plans: edges, order, elements, environments, and what is not known before the run.

use super::{Tree, plan, request, tree_of};
use dsl::graph::{dot, plan_json, text};
use model::plan::{EdgeKind, NodeKind, Over, StepAction};
use model::{Expr, Value};

fn tree(body: &str) -> String {
    tree_of(
        &format!("pipeline p {{\n{body}\n}}"),
        &request("manual"),
        &Tree::default(),
    )
}

fn made(body: &str) -> model::Plan {
    plan(
        &format!("pipeline p {{\n{body}\n}}"),
        &request("manual"),
        &Tree::default(),
    )
    .unwrap()
}

/// Who waits for whom, one line for each edge.
fn edges(body: &str) -> String {
    let plan = made(body);
    let mut lines = Vec::new();
    for node in &plan.nodes {
        for edge in &node.edges {
            let kind = match edge.kind {
                EdgeKind::Needs => "needs",
                EdgeKind::Output => "mentions",
                EdgeKind::After => "after",
                EdgeKind::Order => "below",
            };
            let element = edge
                .element
                .as_ref()
                .map(|keys| format!(" {keys:?}"))
                .unwrap_or_default();
            lines.push(format!(
                "{} {kind} {}{element}",
                node.name,
                plan.node(edge.on).name
            ));
        }
    }
    lines.join("\n")
}

#[test]
fn order_of_the_text() {
    snapshot!(edges(
        r#"
job a { sh "x" }
job b { sh "x" }
stage one { job c { sh "x" }, job d { needs = [c], sh "x" } }
job e { sh "x" }
stage two { job f { sh "x" } }
"#
    ));
    // `needs` stand for the order, but an approval is not passed.
    snapshot!(edges(
        r#"
job a { sh "x" }
stage one { job b { sh "x" } }
approve go { by = [team.a] }
stage two { job c { sh "x" } }
stage three { needs = [a], job d { sh "x" } }
job last { sh "x" }
"#
    ));
    // In a stage the same, in its own block.
    snapshot!(edges(
        r#"
stage s {
  job a { sh "x" }
  approve go { by = [team.a] }
  job b { sh "x" }
  always { job c { sh "x" } }
}
"#
    ));
}

#[test]
fn edges_from_mentions() {
    snapshot!(edges(
        r#"
let tag = image.tag
job image { output tag: string, sh "x" }
job test for x in ["a", "b"] { output n: int, sh "x" }
job one { env { T = tag, N = test["a"].n }, sh "x" }
job all { env { N = [n for n in [test[x].n for x in ["a", "b"]]] }, sh "x" }
job late { after = [one], when = image.tag != "", sh "x" { env { T = image.tag } } }
"#
    ));
}

#[test]
fn trees() {
    snapshot!(tree(
        r#"
title = "All that there is"
timeout = 1h
param version: string = "1.0"
param targets: list(string) = ["linux", "windows"]
env { V = param.version }
job prepare { output names: list(string), sh "x" }
stage build for target in param.targets {
  when = param.version != "2.0"
  job compile { runs_on = target, env { KEY = secret.key }, sh "make" }
  job pack { needs = [compile], sh "make pack" }
  on_failure { job report { sh "x" } }
  always { job tidy { sh "x" } }
}
job each for name in prepare.names where name != "x" { max_parallel = 2, sh "x" }
job skipped { when = param.version == "2.0", sh "x" }
job also { needs = [skipped], sh "x" }
job still { after = [skipped], sh "x" }
job maybe { when = each["a"].size > 2, sh "x" }
finally { job last { env { S = secret.other }, sh "x" } }
"#
        .replace("each[\"a\"].size > 2", "prepare.names != []")
        .as_str()
    ));
}

#[test]
fn environments_and_elements() {
    let plan = made(
        r#"
param version: string = "1.0"
param cfg: record(a: int, b: string) = { a = 1, b = "x" }
env { A = "pipeline", B = 2 }
defaults { timeout = 5m, env { A = "defaults" } }
stage s for region in ["eu", "us"] {
  job a for n in [1, 2] { env { A = "job ${region}" }, sh "x" }
}
"#,
    );
    let job = plan.nodes[1].as_job().unwrap();
    let names: Vec<&str> = job.env.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["version", "region", "n", "A", "B", "A", "A"]);
    assert_eq!(job.timeout, Some(Expr::Const(Value::Duration(300_000))));
    let elements = |index: usize| match &plan.nodes[index].fan_out.as_ref().unwrap().over {
        Over::Known(elements) => elements.len(),
        Over::Found { .. } => 0,
    };
    assert_eq!((elements(0), elements(1)), (2, 2));
}

#[test]
fn steps_have_names() {
    let plan = made(
        r#"
job a {
  sh unit "make unit"
  bash """

    # a comment
    make all
    """
  exec ["cargo", "test", "--package", param.crate]
  artifact "target/**" "x.txt"
  python "a_very_long_line_of_a_script_that_nobody_would_want_to_see_as_the_name_of_a_step()"
  on_failure { sh "echo failed" }
}
param crate: string = "dsl"
"#,
    );
    let job = plan.nodes[0].as_job().unwrap();
    let names: Vec<&str> = job.steps.iter().map(|step| step.name.as_str()).collect();
    snapshot!(names.join("\n"));
    assert_eq!(job.on_failure[0].name, "echo failed");
    let StepAction::Script(_, script) = &job.steps[1].action else {
        panic!("a script")
    };
    assert_eq!(script, "\n# a comment\nmake all");
}

#[test]
fn what_the_commit_says() {
    let tree = Tree::of(&[
        ("services/b.json", "2"),
        ("services/a.json", "1"),
        ("list.json", "[\"x\", \"y\"]"),
        ("bad.json", "{"),
    ]);
    let body = |body: &str| {
        let text = format!("pipeline p {{\n{body}\n}}");
        plan(&text, &request("manual"), &tree)
    };
    let plan = body(
        r#"
let names: list(string) = read_json("list.json")
job a for file in glob("services/*.json") { when = changed("list.json"), sh "x" }
job b for name in names { env { D = digest("list.json") }, sh "x" }
job c { when = changed("nothing/**"), sh "x" }
"#,
    )
    .unwrap();
    snapshot!(text(&plan));
    let wrong = [
        "let x: list(int) = read_json(\"list.json\")\njob a { sh \"x\" }",
        "let x: int = read_json(\"bad.json\")\njob a { sh \"x\" }",
        "job a { env { D = digest(\"nothing\") }, sh \"x\" }",
        "job a for x in [1, 2] { env { D = digest(\"list-${x}\") }, sh \"x\" }",
    ];
    let said: Vec<String> = wrong.iter().map(|text| body(text).unwrap_err()).collect();
    snapshot!(said.join("\n"));
}

#[test]
fn requests_that_do_not_fit() {
    let text = r#"
pipeline p {
  on push
  param version: string { matches = "[0-9.]+" }
  param n: int = 1
  param names: list(string) = []
  job a { produces = ["out/${param.version}"], sh "x" }
}
pipeline q { job a { sh "x" } }
"#;
    let mut said = Vec::new();
    let mut ask = |change: &dyn Fn(&mut dsl::PlanRequest)| {
        let mut request = request("manual");
        request.pipeline = Some("p".to_owned());
        change(&mut request);
        said.push(tree_of(text, &request, &Tree::default()));
    };
    let give = |request: &mut dsl::PlanRequest, name: &str, value: &str| {
        request.params.insert(name.to_owned(), value.to_owned());
    };
    ask(&|_| {});
    ask(&|request| give(request, "version", "../.."));
    ask(&|request| {
        give(request, "version", "1");
        give(request, "vresion", "1");
    });
    ask(&|request| {
        give(request, "version", "1");
        give(request, "n", "two");
        give(request, "names", "a,b");
    });
    ask(&|request| {
        give(request, "version", "1");
        request.event.kind = "psh".to_owned();
    });
    ask(&|request| request.pipeline = None);
    ask(&|request| request.pipeline = Some("qq".to_owned()));
    ask(&|request| {
        give(request, "version", "1");
        give(request, "names", "[\"a\"]");
    });
    snapshot!(said.join("\n"));
}

/// What this build can't carry out stands in the plan, each with its place, and only where it counts.
#[test]
fn unsupported_words() {
    snapshot!(tree(
        r#"
owner = team.a
concurrency = { group = "x" }
job a {
  resources = { cpu = 2, memory = 1GiB }
  lock      = "x"
  pwsh "Get-Item x"
  container "debian:12" { sh "x" }
  service db { image = "postgres:16", ports = [5432], ready = tcp(5432, within = 30s) }
  cache c { key = [digest("x")], paths = ["target"] }
  report junit "x.xml"
  verify { sh "x" }
  env { F = file(secret.key) }
}
job never { when = false and event.trusted, cmd "x", lock = "y" }
approve go { by = [team.a] }
"#
        .replace("digest(\"x\")", "1")
        .as_str()
    ));
}

#[test]
fn an_output_is_optional_where_each_use_has_a_default() {
    let plan = made(
        r#"
job a { output x: int, output y: int, output z: int, sh "x" }
job b { env { X = default(a.x, 0), Y = default(a.y, 0), Y2 = a.y }, sh "x" }
"#,
    );
    let NodeKind::Job(job) = &plan.nodes[0].kind else {
        panic!("a job")
    };
    let optional: Vec<bool> = job.outputs.iter().map(|output| output.optional).collect();
    assert_eq!(optional, [true, false, false]);
}

#[test]
fn the_same_plan_in_every_form() {
    let plan = made(
        r#"
job a { output v: string, produces = ["x"], env { T = secret.t }, sh "x" }
stage s for x in ["1", "2"] { job b { runs_on = worker.os == x, exec ["echo", a.v] } }
approve go { by = [team.a] }
job c { needs = [s["1"]], when = a.v == "y", sh "x" }
"#,
    );
    snapshot!("forms_text", text(&plan));
    snapshot!("forms_dot", dot(&plan));
    snapshot!(
        "forms_json",
        serde_json::to_string_pretty(&plan_json(&plan)).unwrap()
    );
    let again = model::Plan::decode(&plan.encode().unwrap()).unwrap();
    assert_eq!(again, plan);
}

/// What a condition excludes is never asked for, so that a run by hand needs no field of a push.
#[test]
fn a_run_by_hand_of_what_is_for_pushes() {
    let text = r#"
pipeline p {
  on push
  stage publish {
    when = event.kind == "push" and event.branch == "main"
    job upload { env { BRANCH = event.branch }, sh "x" }
  }
  job never { when = false, env { BRANCH = event.branch }, sh "x" }
  job always { sh "x" }
}
"#;
    snapshot!(tree_of(text, &request("manual"), &Tree::default()));
}
