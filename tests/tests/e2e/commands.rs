//! The commands beside `run`: what they print, for people and for programs.

use tests::kit::{Sandbox, workspace_root};

const PIPELINE: &str = r#"pipeline ci {
  job build { sh "echo building" }
  job test for n in [1, 2] { needs = [build], sh "echo testing $n" }
  job deploy { needs = [test], sh "echo deploying; exit 4" }
}
"#;

#[test]
fn plan_is_text_json_or_dot() {
    let sandbox = Sandbox::with(PIPELINE);
    let text = sandbox.gantry(["plan"]).run().expect_code(0);
    for job in ["build", "test", "deploy"] {
        assert!(text.stdout.contains(job), "{}", text.stdout);
    }
    let json = sandbox
        .gantry(["plan", "--format", "json"])
        .run()
        .expect_code(0);
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert!(plan.is_object());
    let dot = sandbox
        .gantry(["plan", "--format", "dot"])
        .run()
        .expect_code(0);
    assert!(dot.stdout.starts_with("digraph"), "{}", dot.stdout);
}

#[test]
fn runs_and_logs_show_what_was_run() {
    let sandbox = Sandbox::with(PIPELINE);
    let _ = sandbox.gantry(["run"]).run().expect_code(1);
    let runs = sandbox.gantry(["runs"]).run().expect_code(0);
    let _ = runs.expect_text("ci").expect_text("failed");
    let logs = sandbox.gantry(["logs"]).run().expect_code(0);
    let _ = logs.expect_text("deploying");
}

#[test]
fn logs_and_runs_of_nothing_are_not_found() {
    let sandbox = Sandbox::with(PIPELINE);
    let _ = sandbox.gantry(["logs"]).run().expect_code(4);
    let finished = sandbox.gantry(["runs"]).run().expect_code(0);
    let _ = finished.expect_no_text("error");
    let _ = sandbox.gantry(["run"]).run().expect_code(1);
    let _ = sandbox.gantry(["logs", "99"]).run().expect_code(4);
}

#[test]
fn job_runs_with_what_it_needs_only() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  job a { sh "true" }
  job b { needs = [a], sh "true" }
  job c { needs = [b], sh "true" }
  job d { sh "true" }
}
"#,
    );
    let finished = sandbox
        .gantry(["run", "--job", "b", "--output", "json"])
        .run()
        .expect_code(0);
    let report = finished.report();
    assert_eq!(report.started(), ["a", "b"]);
}

#[test]
fn keep_going_runs_what_does_not_depend_on_the_failure() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  fail_fast = true
  job bad { sh "exit 1" }
  job slow { sh "sleep 0.5" }
}
"#,
    );
    let finished = sandbox
        .gantry(["run", "--keep-going", "--slots", "2", "--output", "json"])
        .run();
    let finished = finished.expect_code(1);
    let report = finished.report();
    assert_eq!(report.finished("slow")["outcome"], "succeeded");
}

#[test]
fn trigger_and_event_decide_what_applies() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  on push
  on label "deploy"
  job build { sh "true" }
  job ship { when = event.kind == "label", sh "true" }
}
"#,
    );
    let outcome = |args: &[&str]| {
        let args = [&["run", "--output", "json"], args].concat();
        let finished = sandbox.gantry(args).run().expect_code(0);
        finished.report().finished("ship")["outcome"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    assert_eq!(outcome(&["--trigger", "push"]), "skipped");
    assert_eq!(outcome(&["--trigger", "label=deploy"]), "succeeded");
}

/// Every field of the plan that is printed is described.
#[test]
fn json_plan_is_documented() {
    let documents = std::fs::read_to_string(workspace_root().join("docs/plan.md"));
    let documents = documents.expect("it is there");
    let sandbox = Sandbox::with(PIPELINE);
    let json = sandbox
        .gantry(["plan", "--format", "json"])
        .run()
        .expect_code(0);
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let nodes = plan["nodes"].as_array().expect("nodes");
    for object in [&plan].into_iter().chain(nodes) {
        for field in object.as_object().expect("an object").keys() {
            assert!(
                documents.contains(&format!("`{field}`")),
                "`{field}` is not documented"
            );
        }
    }
}

#[test]
fn json_events_have_a_version_and_are_in_order() {
    let sandbox = Sandbox::with(PIPELINE);
    let finished = sandbox
        .gantry(["run", "--output", "json"])
        .run()
        .expect_code(1);
    let report = finished.report();
    for (index, event) in report.events.iter().enumerate() {
        assert_eq!(event["v"], 1, "{event}");
        assert_eq!(event["seq"], index + 1, "{event}");
    }
    assert_eq!(report.events[0]["event"], "run_started");
    assert_eq!(report.outcome(), "failed");
}

/// Every kind of event that is printed is described.
#[test]
fn json_events_are_documented() {
    let documents = std::fs::read_to_string(workspace_root().join("docs/events.md"));
    let documents = documents.expect("it is there");
    let sandbox = Sandbox::with(PIPELINE);
    let finished = sandbox
        .gantry(["run", "--output", "json"])
        .run()
        .expect_code(1);
    for event in finished.report().events {
        let kind = event["event"].as_str().expect("an event has a kind");
        let row = documents
            .lines()
            .find(|line| line.starts_with(&format!("| `{kind}` |")));
        let row = row.unwrap_or_else(|| panic!("`{kind}` is not documented"));
        let common = ["v", "seq", "at_ms", "run", "event"];
        let beside = ["failure", "after_ms", "step", "by", "reason", "message"];
        for field in event.as_object().expect("an object").keys() {
            let known = common.contains(&&**field)
                || row.contains(&format!("`{field}`"))
                || (row.contains("`outcome`") && beside.contains(&&**field));
            assert!(known, "`{field}` of `{kind}` is not documented");
        }
    }
}

#[test]
fn help_of_every_command_teaches() {
    let sandbox = Sandbox::with(PIPELINE);
    for command in ["run", "check", "plan", "explain", "runs", "logs"] {
        let finished = sandbox.gantry([command, "--help"]).run().expect_code(0);
        assert!(
            finished.stdout.contains("gantry "),
            "{command}: no example in its help"
        );
    }
}
