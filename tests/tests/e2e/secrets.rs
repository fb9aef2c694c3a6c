//! Secrets: in the step's environment, and nowhere else.

use tests::kit::{Sandbox, fingerprint};

const SECRET: &str = "s3cr3t-Value-with\"quotes\"-0123456789";

/// Runs a job with the secret bound to `TOKEN`, and fails if the secret is on the screen or on disk.
#[track_caller]
fn check_masked(step: &str) {
    let sandbox = Sandbox::with(&format!(
        "pipeline p {{\n  job a {{\n    env {{ TOKEN = secret.token }}\n    {step}\n  }}\n}}\n"
    ));
    for output in ["plain", "human", "json"] {
        let finished = sandbox
            .gantry(["run", "--secret", "token", "--output", output])
            .env("token", SECRET)
            .run()
            .expect_code(0);
        let _ = finished.expect_no_text(SECRET);
    }
    let logs = sandbox.gantry(["logs"]).run();
    let _ = logs.expect_no_text(SECRET);
    for path in fingerprint(sandbox.root()).into_keys() {
        if let Ok(bytes) = std::fs::read(&path) {
            let found = bytes
                .windows(SECRET.len())
                .any(|part| part == SECRET.as_bytes());
            assert!(!found, "the secret is in {}", path.display());
        }
    }
}

#[test]
fn secret_is_masked_in_output_and_on_disk() {
    check_masked(r#"sh "echo before; echo $TOKEN; echo after""#);
}

#[test]
fn secret_is_masked_when_split_over_two_writes() {
    check_masked(
        r#"python """
      import os, sys, time
      t = os.environ["TOKEN"]
      for part in (t[:5], t[5:]):
          sys.stdout.write(part)
          sys.stdout.flush()
          time.sleep(0.2)
      for c in t:
          os.write(1, c.encode())
      print()
      """"#,
    );
}

#[test]
fn secret_is_masked_on_both_streams_and_in_the_middle_of_a_long_line() {
    check_masked(
        r#"python """
      import os, sys
      t = os.environ["TOKEN"]
      sys.stderr.write("x" * 65530 + t + "y" * 65530 + t + "\n")
      """"#,
    );
}

#[test]
fn secret_can_be_used() {
    let sandbox = Sandbox::with(
        "pipeline p { job a { env { TOKEN = secret.token }\n sh \"echo length ${#TOKEN}\" } }\n",
    );
    let finished = sandbox
        .gantry(["run", "--secret", "token", "--output", "plain"])
        .env("token", SECRET)
        .run()
        .expect_code(0);
    let _ = finished.expect_text(&format!("length {}", SECRET.len()));
}

#[test]
fn secret_that_was_not_given_is_named() {
    let sandbox =
        Sandbox::with("pipeline p { job a { env { TOKEN = secret.token }\n sh \"true\" } }\n");
    let finished = sandbox.gantry(["run"]).run();
    assert_ne!(finished.code(), Some(0));
    let _ = finished.expect_text("token").expect_text("--secret");
}

#[test]
fn secret_in_a_script_text_is_refused() {
    let sandbox = Sandbox::with("pipeline p { job a { sh \"echo ${secret.token}\" } }\n");
    let finished = sandbox.gantry(["check"]).run().expect_code(3);
    let _ = finished.expect_text("env");
}
