//! Steps, outputs, files handed on, retries, hooks: what a job does, observed from outside.

use tests::kit::{Finished, Sandbox};

/// Runs a pipeline whose jobs are `jobs`, with JSON events.
#[track_caller]
fn run(jobs: &str) -> Finished {
    let sandbox = Sandbox::with(&format!("pipeline p {{\n{jobs}\n}}\n"));
    sandbox.gantry(["run", "--output", "json"]).run()
}

/// The same for a person, who sees what the steps print.
#[track_caller]
fn show(jobs: &str) -> Finished {
    let sandbox = Sandbox::with(&format!("pipeline p {{\n{jobs}\n}}\n"));
    sandbox.gantry(["run", "--output", "plain"]).run()
}

#[track_caller]
fn check_outcomes(jobs: &str, code: i32, expected: &[(&str, &str)]) {
    let finished = run(jobs).expect_code(code);
    let report = finished.report();
    let outcomes: Vec<(&str, &str)> = report.outcomes().into_iter().collect();
    assert_eq!(outcomes, expected);
}

#[test]
fn every_shell_runs_and_stops_at_the_first_error() {
    for (step, printed) in [
        (r#"sh step "echo one; false; echo two""#, "one"),
        (r#"bash step "echo one; false | true; echo two""#, "one"),
        (
            r#"sh step "echo one; echo $NOT_SET_ANYWHERE; echo two""#,
            "one",
        ),
        (
            "python step \"\"\"\n  print('one', flush=True)\n  raise SystemExit(1)\n  print('two')\n  \"\"\"",
            "one",
        ),
    ] {
        let finished = show(&format!("job a {{ {step} }}")).expect_code(1);
        let lines: Vec<&str> = finished.stdout.lines().collect();
        let has = |word: &str| lines.iter().any(|line| line.ends_with(word));
        assert!(has(printed), "{step}: {}", finished.all());
        assert!(!has("two"), "{step}: {}", finished.all());
    }
}

#[test]
fn exec_passes_arguments_as_they_are() {
    let finished = show(r#"job a { exec ["printf", "<%s>\n", "a b", "$HOME; \"x\"", "*", ""] }"#);
    let finished = finished.expect_code(0);
    finished
        .expect_text("<a b>")
        .expect_text("<$HOME; \"x\">")
        .expect_text("<*>")
        .expect_text("<>");
}

#[test]
fn environment_of_a_step_is_small_and_the_same_everywhere() {
    let sandbox = Sandbox::with("pipeline p { job a { sh \"env | cut -d= -f1 | sort\" } }\n");
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .env("LEAKED_FROM_THE_DESK", "1")
        .run()
        .expect_code(0);
    let finished = finished.expect_no_text("LEAKED_FROM_THE_DESK");
    finished.expect_text("HOME").expect_text("GANTRY_OUTPUT");
}

#[test]
fn values_reach_scripts_through_the_environment_only() {
    let sandbox = Sandbox::with(
        "pipeline p {\n  param title: string\n  job a { sh \"printf '%s\\n' \\\"$title\\\"\" }\n}\n",
    );
    let title = "title=$(touch owned); `touch owned` \"; touch owned; ünïcode \u{1F980}";
    let finished = sandbox
        .gantry([
            "run",
            "--output",
            "plain",
            "--isolation",
            "none",
            "--param",
            title,
        ])
        .run()
        .expect_code(0);
    let _ =
        finished.expect_text("$(touch owned); `touch owned` \"; touch owned; ünïcode \u{1F980}");
    assert!(!sandbox.path("owned").exists());
}

#[test]
fn typed_outputs_feed_other_jobs() {
    let finished = show(
        r#"
  job a {
    output text: string
    output number: int
    output parts: list(string)
    output many: string
    sh """
      echo 'text=a = b "c"' >> $GANTRY_OUTPUT
      echo 'number=42' >> $GANTRY_OUTPUT
      echo 'parts=["x", "y z"]' >> $GANTRY_OUTPUT
      printf 'many<<END\nfirst\nsecond\nEND\n' >> $GANTRY_OUTPUT
      """
  }
  job b {
    env { TEXT = a.text, NUMBER = a.number + 1, MANY = a.many }
    when = a.number == 42 and "y z" in a.parts
    sh "echo \"<$TEXT> <$NUMBER> <$MANY>\""
  }"#,
    )
    .expect_code(0);
    finished
        .expect_text("<a = b \"c\"> <43> <first")
        .expect_text("second>");
}

#[test]
fn wrong_outputs_fail_the_job_and_name_the_line() {
    for (script, message) in [
        ("echo n=ten >> $GANTRY_OUTPUT", "line 1"),
        ("printf '\\n\\nn=1.5\\n' >> $GANTRY_OUTPUT", "line 3"),
        ("true", "n"),
        ("printf 'n=1\\nm=2\\n' >> $GANTRY_OUTPUT", "line 2"),
        ("printf 'n=1\\nn<<END\\n2\\n' >> $GANTRY_OUTPUT", "END"),
    ] {
        let finished = run(&format!(
            "job a {{ output n: int\n sh \"\"\"\n{script}\n\"\"\" }}"
        ));
        let finished = finished.expect_code(1);
        let report = finished.report();
        let event = report.finished("a").to_string();
        assert_eq!(report.finished("a")["outcome"], "failed");
        assert!(event.contains(message), "{script}: {event}");
    }
}

#[test]
fn produced_files_lie_at_the_same_path_in_the_jobs_that_need_them() {
    let finished = show(
        r#"
  job make {
    produces = ["out/a file", "tree"]
    sh """
      mkdir -p out tree/deep
      echo content > 'out/a file'
      echo deep > tree/deep/x
      ln -s deep/x tree/link
      chmod 750 tree/deep/x
      """
  }
  job each for n in ["one", "two"] {
    produces = ["r.txt"]
    sh "echo $n > r.txt"
  }
  job use {
    needs = [make, each]
    sh """
      cat 'out/a file' tree/link each/one/r.txt each/two/r.txt
      stat -c 'mode %a' tree/deep/x
      """
  }
  job other {
    needs = [use]
    sh "test ! -e out && echo nothing here"
  }"#,
    )
    .expect_code(0);
    let finished = finished
        .expect_text("content")
        .expect_text("deep")
        .expect_text("one");
    finished
        .expect_text("two")
        .expect_text("mode 750")
        .expect_text("nothing here");
}

#[test]
fn missing_product_fails_the_job() {
    let finished = run(r#"job a { produces = ["out/x"], sh "true" }"#).expect_code(1);
    let report = finished.report();
    assert!(report.finished("a").to_string().contains("out/x"));
}

#[test]
fn needs_order_and_failures_block() {
    check_outcomes(
        r#"
  job a { sh "exit 3" }
  job b { needs = [a], sh "true" }
  job c { after = [b], sh "true" }
  job d { sh "true" }"#,
        1,
        &[
            ("a", "failed"),
            ("b", "skipped"),
            ("c", "skipped"),
            ("d", "succeeded"),
        ],
    );
}

#[test]
fn what_does_not_apply_is_skipped_and_lets_the_order_pass() {
    check_outcomes(
        r#"
  param on: bool = false
  job a { when = param.on, sh "true" }
  job b { needs = [a], sh "true" }
  job c { after = [a], sh "true" }"#,
        0,
        &[("a", "skipped"), ("b", "skipped"), ("c", "succeeded")],
    );
}

#[test]
fn stages_run_one_after_the_other() {
    let finished = run(r#"
  stage one { job a { sh "true" }
    job b { sh "true" } }
  stage two { job c { sh "true" } }"#)
    .expect_code(0);
    let report = finished.report();
    let name = |job: &str| {
        let full = report
            .outcomes()
            .into_keys()
            .find(|name| name.ends_with(job));
        full.expect("all jobs finished").to_owned()
    };
    for before in ["a", "b"] {
        assert!(
            report.position("job_finished", &name(before))
                < report.position("job_started", &name("c"))
        );
    }
}

#[test]
fn timeout_of_a_job_and_of_a_step_end_it() {
    check_outcomes(
        r#"
  job whole { timeout = 300ms, sh "sleep 600" }
  job part { sh "sleep 600" { timeout = 300ms } }"#,
        1,
        &[("part", "timed out"), ("whole", "timed out")].map(|(job, _)| (job, "timed_out")),
    );
}

#[test]
fn retry_makes_new_attempts_by_reason() {
    let finished = run(r#"
  job a { retry = { times = 2, on = [failed], delay = 1ms }, sh "exit 1" }
  job b { retry = { times = 2, on = [timed_out], delay = 1ms }, sh "exit 1" }"#)
    .expect_code(1);
    let report = finished.report();
    assert_eq!(report.finished("a")["attempt"], 3);
    assert_eq!(report.finished("b")["attempt"], 1);
    assert_eq!(report.of_kind("job_retried").count(), 2);
}

#[test]
fn step_settings_are_kept() {
    let finished = show(
        r#"
  param never: bool = false
  job a {
    sh "exit 3" { exit_codes = [0, 3] }
    sh "echo skipped step" { when = param.never }
    sh "pwd | sed 's|.*/|in |'" { dir = "sub" }
    sh """
      n=$(cat tries 2>/dev/null || echo 0)
      echo $((n + 1)) > tries
      test $n -ge 2
      """ { retry = { times = 3, delay = 1ms } }
    sh "exit 1" { allow_failure = true }
    sh "echo tries $(cat tries)"
  }"#,
    );
    // The folder has to be there.
    let _ = finished.expect_code(1).expect_text("sub");

    let sandbox =
        Sandbox::with("pipeline p { job a { dir = \"sub\"\n sh \"pwd | sed 's|.*/|in |'\" } }\n");
    sandbox.write("sub/file", "x");
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .run()
        .expect_code(0);
    let _ = finished.expect_text("in sub");
}

#[test]
fn hooks_run_by_outcome_and_always_last() {
    let finished = show(
        r#"
  job good {
    sh "true"
    on_success { sh "echo good-success" }
    on_failure { sh "echo good-failure" }
    always { sh "echo good-always" }
  }
  job bad {
    sh "exit 1"
    on_success { sh "echo bad-success" }
    on_failure { sh "echo bad-failure" }
    always { sh "echo bad-always" }
  }
  finally { job last { sh "echo finally-ran" } }"#,
    )
    .expect_code(1);
    let finished = finished
        .expect_text("good-success")
        .expect_text("good-always");
    let finished = finished
        .expect_text("bad-failure")
        .expect_text("bad-always");
    let finished = finished.expect_text("finally-ran");
    for never in ["good-failure", "bad-success"] {
        let lines = finished.all();
        assert!(
            !lines.lines().any(|line| line.ends_with(never)),
            "{never}:\n{lines}"
        );
    }
}

#[test]
fn allowed_failure_is_shown_and_counts_as_success() {
    let finished = run(r#"
  job a { allow_failure = true, sh "exit 1" }
  job b { needs = [a], sh "true" }"#)
    .expect_code(0);
    let report = finished.report();
    assert_eq!(report.finished("a")["outcome"], "failed");
    assert_eq!(report.finished("a")["allowed"], true);
    assert_eq!(report.finished("b")["outcome"], "succeeded");
    assert_eq!(report.outcome(), "succeeded");
}

#[test]
fn fail_fast_cancels_what_runs() {
    let finished = run(r#"
  fail_fast = true
  job slow { sh "sleep 600" }
  job bad { sh "exit 1" }"#)
    .expect_code(1);
    let report = finished.report();
    assert_eq!(report.finished("slow")["outcome"], "canceled");
}

#[test]
fn max_parallel_bounds_a_fan_out() {
    let finished =
        run(r#"job a for n in [1, 2, 3, 4] { max_parallel = 1, sh "true" }"#).expect_code(0);
    let report = finished.report();
    let mut running = 0_i32;
    for event in &report.events {
        match event["event"].as_str() {
            Some("job_started") => running += 1,
            Some("job_finished") => running -= 1,
            _ => {}
        }
        assert!(running <= 1, "two ran at once");
    }
}

#[test]
fn higher_priority_goes_first_where_slots_are_few() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  job first { sh "true" }
  stage rest {
    job low { sh "true" }
    job high { priority = 10, sh "true" }
  }
}
"#,
    );
    let finished = sandbox
        .gantry(["run", "--slots", "1", "--output", "json"])
        .run()
        .expect_code(0);
    let report = finished.report();
    let started = report.started();
    let place = |job: &str| {
        started
            .iter()
            .position(|name| name.ends_with(job))
            .expect("started")
    };
    assert!(place("high") < place("low"), "{started:?}");
}

#[test]
fn step_killed_by_a_signal_is_named() {
    let finished = run(r#"job a { sh "kill -SEGV $$" }"#).expect_code(1);
    let report = finished.report();
    let event = report.finished("a");
    assert_eq!(event["outcome"], "failed");
    assert!(event.to_string().contains("11"), "{event}");
}

#[test]
fn empty_list_succeeds() {
    check_outcomes(
        r#"
  job find { output parts: list(string)
    sh "echo 'parts=[]' >> $GANTRY_OUTPUT" }
  job each for part in find.parts { sh "false" }
  job end { needs = [each], sh "true" }"#,
        0,
        &[("end", "succeeded"), ("find", "succeeded")],
    );
}

#[test]
fn artifacts_are_kept_with_the_run() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  job a {
    sh "mkdir reports; echo kept-for-people > reports/x.txt"
    artifact "reports/*.txt"
  }
}
"#,
    );
    let _ = sandbox.gantry(["run"]).run().expect_code(0);
    let found = tests::kit::fingerprint(&sandbox.store())
        .into_keys()
        .any(|path| std::fs::read(path).is_ok_and(|bytes| bytes == b"kept-for-people\n"));
    assert!(found, "no artifact in the store");
}
