//! The programs of the language's charter.

use tests::kit::Sandbox;

#[test]
fn smallest_program_runs() {
    let sandbox =
        Sandbox::with("pipeline hello {\n  job greet { sh \"echo hello from $(uname -s)\" }\n}\n");
    let finished = sandbox.gantry(["run"]).run().expect_code(0);
    finished.expect_text("hello from Linux");
}

/// Program 2: two variables, a `where`, caches, reports, a condition on the event.
const LIBRARY: &str = r#"pipeline ci {
  on push { branches = ["main"] }
  on pull_request

  job format { sh "cargo fmt --check" }

  job test for system in ["linux", "windows"], toolchain in ["stable", "beta"]
           where not (system == "windows" and toolchain == "beta") {
    runs_on = system
    inputs  = ["src/**", "tests/**", "Cargo.*", ".config/**"]
    timeout = 20m
    retry   = { times = 2, on = [worker_lost] }
    cache cargo { key = [toolchain, digest("Cargo.lock")], paths = ["~/.cargo/registry", "target"] }
    sh test "cargo +$toolchain nextest run --profile ci"
    report junit "target/nextest/ci/junit.xml"
    on_failure { artifact "target/nextest/ci/**" }
  }

  job package {
    needs    = [format, test]
    when     = event.kind == "push"
    produces = ["target/release/app"]
    output version: string
    sh """
      cargo build --release --locked
      echo "version=$(target/release/app --version)" >> "$GANTRY_OUTPUT"
    """
  }
}
"#;

#[test]
fn library_on_two_systems_is_checked_and_planned() {
    let sandbox = Sandbox::with(LIBRARY);
    sandbox.write("Cargo.lock", "version = 4\n");
    sandbox.gantry(["check"]).run().expect_code(0);
    let finished = sandbox
        .gantry(["plan", "--format", "json"])
        .run()
        .expect_code(0);
    let plan: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let text = plan.to_string();
    for expected in [
        "format", "test", "package", "linux", "windows", "stable", "beta",
    ] {
        assert!(text.contains(expected), "{expected} is not in the plan");
    }
}

/// What can't be executed is refused before anything starts, and named with its place.
#[test]
fn library_on_two_systems_is_refused_before_anything_starts() {
    let sandbox = Sandbox::with(LIBRARY);
    sandbox.write("Cargo.lock", "version = 4\n");
    let finished = sandbox.gantry(["run"]).run().expect_code(3);
    let finished = finished.expect_text("ci.gantry").expect_text("cache");
    finished.expect_no_text("cargo fmt --check");
}

/// Program 5: the fan-out is decided by an output.
#[test]
fn work_that_is_found_while_running_runs() {
    let sandbox = Sandbox::with(
        r#"pipeline monorepo {
  on push
  job plan {
    output services: list(string)
    sh "./ci/changed-services >> $GANTRY_OUTPUT"
  }
  job build for service in plan.services {
    max_parallel = 20
    sh "make -C services/$service"
  }
  job done {
    needs = [build]
    sh "echo all built"
  }
}
"#,
    );
    sandbox.write_program(
        "ci/changed-services",
        "#!/bin/sh\necho 'services=[\"orders\", \"billing\"]'\n",
    );
    for service in ["orders", "billing"] {
        sandbox.write(
            format!("services/{service}/Makefile"),
            format!("all:\n\t@echo made {service}\n"),
        );
    }
    sandbox.commit("services");
    let finished = sandbox
        .gantry(["run", "--output", "json"])
        .run()
        .expect_code(0);
    let report = finished.report();
    let outcomes = report.outcomes();
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
    assert!(
        outcomes.values().all(|outcome| *outcome == "succeeded"),
        "{outcomes:?}"
    );
    let logs = sandbox.gantry(["run"]).run().expect_code(0);
    logs.expect_text("made orders")
        .expect_text("made billing")
        .expect_text("all built");
}
