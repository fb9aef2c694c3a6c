//! A pipeline of the shape of Gantry's own, on a small crate that depends on nothing.

use tests::kit::{Sandbox, workspace_root};

/// The jobs of `.gantry/ci.gantry`, for one crate.
const PIPELINE: &str = r#"pipeline ci {
  on push { branches = ["main"] }

  env {
    HOME             = inherit("HOME")
    CARGO_HOME       = inherit("CARGO_HOME")
    RUSTUP_HOME      = inherit("RUSTUP_HOME")
    RUSTUP_TOOLCHAIN = inherit("RUSTUP_TOOLCHAIN")
    CARGO_TARGET_DIR = inherit("CARGO_TARGET_DIR")
  }

  job format { sh "cargo fmt --all --check" }
  job lint { sh "cargo check --offline" }
  job test for profile in ["dev", "release"] {
    exec ["cargo", "test", "--offline", "--profile", profile]
  }
  job docs { sh "cargo doc --offline --no-deps" }
}
"#;

#[test]
fn pipeline_of_the_shape_of_our_own_runs() {
    let sandbox = Sandbox::with(PIPELINE);
    sandbox.write(
        "Cargo.toml",
        "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    sandbox.write(
        "src/lib.rs",
        "//! A small crate.\n\n/// Adds one.\npub fn next(n: u32) -> u32 {\n    n + 1\n}\n\n#[test]\nfn one_more() {\n    assert_eq!(next(1), 2);\n}\n",
    );
    sandbox.commit("a crate");
    let mut run = sandbox.gantry(["run", "--output", "json"]);
    // Rust is in the home of whoever runs the tests.
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = std::env::var_os(name) {
            run = run.env(name, value);
        }
    }
    let run = run.env("CARGO_TARGET_DIR", sandbox.root().join("target"));
    let finished = run.run().expect_code(0);
    let report = finished.report();
    let outcomes = report.outcomes();
    assert_eq!(outcomes.len(), 5, "{outcomes:?}");
    assert!(
        outcomes.values().all(|outcome| *outcome == "succeeded"),
        "{outcomes:?}"
    );
}

/// The pipeline of this repository itself: checked and planned here, run by `tests/run`.
#[test]
fn our_own_pipeline_has_no_mistake() {
    let sandbox = Sandbox::empty();
    let text = std::fs::read(workspace_root().join(".gantry/ci.gantry")).expect("it is there");
    sandbox.write(".gantry/ci.gantry", text);
    let _ = sandbox.gantry(["check"]).run().expect_code(0);
    let _ = sandbox.gantry(["plan"]).run().expect_code(0);
}
