//! What single steps do, and how they end.

use crate::kit::{Slot, exec, job, run, script, sh, step, var};
use insta::assert_snapshot;
use model::spec::{Action, EnvValue, Shell, StepRetry};

#[tokio::test]
async fn every_shell_stops_at_the_first_error() {
    for (shell, text) in [
        (Shell::Sh, "echo one; false; echo two"),
        (Shell::Sh, "echo one; echo $NOT_SET; echo two"),
        (Shell::Bash, "echo one; false | true; echo two"),
        (
            Shell::Python,
            "print('one')\nraise SystemExit(1)\nprint('two')",
        ),
    ] {
        let shown = run(&job(vec![script(shell, text)])).await;
        assert!(
            shown.contains("one") && !shown.contains("two"),
            "{text}: {shown}"
        );
        assert!(shown.contains("failed: exit code"), "{text}: {shown}");
    }
}

#[tokio::test]
async fn exec_passes_arguments_as_they_are() {
    let step = exec(&["printf", "<%s>\n", "a b", "$HOME; \"x\"", "*", "", "ü\n"]);
    assert_snapshot!(run(&job(vec![step])).await, @r#"
    step 0: {"end":"succeeded"}
    succeeded
    <a b>
    <$HOME; "x">
    <*>
    <>
    <ü
    >
    "#);
}

#[tokio::test]
async fn both_streams_are_one_and_input_is_empty() {
    let step = sh("echo out; echo err >&2; cat; echo out again");
    assert_snapshot!(run(&job(vec![step])).await, @r#"
    step 0: {"end":"succeeded"}
    succeeded
    out
    err
    out again
    "#);
}

#[tokio::test]
async fn environment_is_what_is_given_and_a_few_more() {
    let mut spec = job(vec![sh(
        "echo \"$A $B $GANTRY_RUN/$GANTRY_JOB/$GANTRY_ATTEMPT\"; pwd; echo $HOME; env | cut -d= -f1 | sort | tr '\\n' ' '",
    )]);
    spec.env = vec![
        var("A", EnvValue::Text("of the job".to_owned())),
        var(
            "UNSET",
            EnvValue::Inherit("NOT_SET_ON_ANY_MACHINE".to_owned()),
        ),
    ];
    spec.steps[0].env = vec![var("B", EnvValue::Text("of the step".to_owned()))];
    assert_snapshot!(run(&spec).await, @r#"
    step 0: {"end":"succeeded"}
    succeeded
    of the job of the step 1/a job/1
    FOLDER/work/job-p_a_job-cc2ee423/tree
    FOLDER/work/job-p_a_job-cc2ee423/home
    A B GANTRY_ATTEMPT GANTRY_JOB GANTRY_OUTPUT GANTRY_RUN GANTRY_WORKSPACE HOME LANG PATH PWD TMPDIR
    "#);
}

#[tokio::test]
async fn ends_are_told_as_they_are() {
    let mut three = sh("exit 3");
    three.exit_codes = vec![0, 3];
    let mut passed_over = sh("exit 4");
    passed_over.allow_failure = true;
    let mut skipped = sh("exit 5");
    skipped.skip = Some("false".to_owned());
    let steps = vec![
        three,
        passed_over,
        skipped,
        sh("kill -SEGV $$"),
        sh("echo never"),
    ];
    assert_snapshot!(run(&job(steps)).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"exit","code":4}
    step 2: {"end":"skipped","condition":"false"}
    step 3: {"end":"signal","signal":11}
    failed: ended by signal 11
    "#);
    let mut zero = sh("true");
    zero.exit_codes = vec![3];
    assert_snapshot!(run(&job(vec![zero])).await, @r#"
    step 0: {"end":"exit","code":0}
    failed: exit code 0
    "#);
}

#[tokio::test]
async fn what_can_not_be_started_is_named() {
    let mut slot = Slot::start().await;
    let root = slot.run(&job(vec![sh("pwd")])).await.log;
    let mut check = async |step: model::spec::StepSpec, expected: &str| {
        let mut spec = job(vec![
            sh("echo '#!/no/such/interpreter' > bad; chmod +x bad; touch plain"),
            step,
        ]);
        spec.env = vec![var("PATH", EnvValue::Text("/usr/bin:/bin".to_owned()))];
        let done = slot.run(&spec).await;
        let reason = done.outcome.reason().replace(root.trim(), "ROOT");
        assert_eq!(reason, expected);
    };
    check(
        exec(&["no-such-program"]),
        "no program `no-such-program` in PATH (/usr/bin:/bin)",
    )
    .await;
    check(exec(&[]), "there is no program to run").await;
    check(exec(&["./missing"]), "there is no file ROOT/missing").await;
    let no_permission = "ROOT/plain can't be run: no permission (is it executable?)";
    check(exec(&["./plain"]), no_permission).await;
    let no_interpreter =
        "ROOT/bad can't be run: the interpreter that its first line names is not there";
    check(exec(&["./bad"]), no_interpreter).await;
    check(exec(&["/"]), "/ can't be run: it is a folder").await;
    let mut elsewhere = sh("true");
    elsewhere.dir = Some("sub".to_owned());
    check(elsewhere, "there is no folder ROOT/sub").await;
    let mut in_a_file = sh("true");
    in_a_file.dir = Some("plain".to_owned());
    check(in_a_file, "ROOT/plain is not a folder").await;
    let mut secret = sh("true");
    secret.env = vec![var("TOKEN", EnvValue::Secret("token".to_owned()))];
    let no_value = "no value was given for the secret `token`, which `TOKEN` needs";
    check(secret, no_value).await;
    let mut nul = sh("true");
    nul.env = vec![var("A", EnvValue::Text("a\0b".to_owned()))];
    let nul_character = "the value of `A` holds a NUL character, which no environment can";
    check(nul, nul_character).await;
    let long = "x".repeat(3 << 20);
    let too_long = "the arguments and the environment of `true` are too long for the system";
    check(exec(&["true", &long]), too_long).await;
    slot.handle.close().await;
}

#[tokio::test]
async fn a_step_is_tried_again_in_its_place() {
    let mut again = sh("echo x >> tries; test $(wc -l < tries) = 3");
    again.retry = StepRetry {
        times: 3,
        delay_ms: 1,
    };
    assert_snapshot!(run(&job(vec![again, sh("wc -l < tries")])).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"succeeded"}
    succeeded
    gantry: exit code 1; try 2 of 4
    gantry: exit code 1; try 3 of 4
    3
    "#);
    let mut never = sh("exit 9");
    never.retry = StepRetry {
        times: 1,
        delay_ms: 1,
    };
    assert_snapshot!(run(&job(vec![never])).await, @r#"
    step 0: {"end":"exit","code":9}
    failed: exit code 9
    gantry: exit code 9; try 2 of 2
    "#);
}

#[tokio::test]
async fn long_scripts_run_too() {
    let long = format!("x=1\n{}echo \"$x\"", "# a comment\n".repeat(20_000));
    for shell in [Shell::Sh, Shell::Bash] {
        let shown = run(&job(vec![script(shell, &long)])).await;
        assert!(shown.ends_with("succeeded\n1\n"), "{shown}");
    }
    let long = format!(
        "import os\n{}print(os.getcwd())",
        "# a comment\n".repeat(20_000)
    );
    let shown = run(&job(vec![script(Shell::Python, &long)])).await;
    assert!(shown.ends_with("/tree\n"), "{shown}");
}

#[tokio::test]
async fn artifacts_are_kept_and_what_is_missing_is_noted() {
    let keep = step(Action::Artifact {
        paths: vec!["out/**".to_owned(), "missing".to_owned()],
    });
    let mut slot = Slot::start().await;
    let done = slot
        .run(&job(vec![sh("mkdir out; echo x > out/a"), keep]))
        .await;
    assert_snapshot!(done.shown(&slot), @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"succeeded"}
    succeeded
    gantry: artifact: no file matches "missing"
    "#);
    let kept = slot.folder.path().join("artifacts/1/1.1/out/a");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "x\n");
    slot.handle.close().await;
}

#[tokio::test]
async fn bytes_are_kept_as_they_are() {
    let mut slot = Slot::start().await;
    let step = sh("printf '\\377\\000\\033[31m\\r\\n no newline'");
    let done = slot.run(&job(vec![step])).await;
    assert_eq!(
        std::fs::read(&done.path).unwrap(),
        b"\xff\0\x1b[31m\r\n no newline"
    );
    slot.handle.close().await;
}

#[tokio::test]
async fn a_full_disk_under_the_log_fails_the_job() {
    let mut slot = Slot::start().await;
    // Where a folder stands, no file can be made.
    std::fs::create_dir_all(slot.folder.path().join("logs/1/1.1.log")).unwrap();
    let lease = slot.send(&job(vec![sh("echo x; sleep 600")])).await;
    let mut outcome = None;
    while outcome.is_none() {
        if let protocol::v1::to_runner::Body::Finished(finished) = slot.news().await.unwrap() {
            assert_eq!(finished.lease, Some(lease));
            outcome = finished.outcome;
        }
    }
    let outcome = model::Outcome::try_from(outcome.unwrap()).unwrap();
    assert_snapshot!(outcome.to_string(), @"failed: the log can't be written: Is a directory (os error 21)");
    slot.handle.close().await;
}
