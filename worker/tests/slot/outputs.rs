//! What a job gives: outputs and secrets that don't get out. The forms of the file are tested where
//! they are read.

use crate::kit::{Slot, job, run, sh, var};
use insta::assert_snapshot;
use model::spec::{EnvValue, OutputSpec};
use model::types::Type;

fn output(name: &str, ty: Type) -> OutputSpec {
    OutputSpec {
        name: name.to_owned(),
        ty,
        optional: false,
    }
}

#[tokio::test]
async fn outputs_come_from_all_steps() {
    let mut spec = job(vec![
        sh("echo 'text=a = b' >> $GANTRY_OUTPUT"),
        sh("echo 'number=42' >> $GANTRY_OUTPUT"),
    ]);
    spec.outputs = vec![output("text", Type::String), output("number", Type::Int)];
    assert_snapshot!(run(&spec).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"succeeded"}
    succeeded
    output number = 42
    output text = "a = b"
    "#);
}

#[tokio::test]
async fn wrong_and_missing_ones_fail_the_job_and_its_hooks_know() {
    let mut spec = job(vec![sh("echo number=ten >> $GANTRY_OUTPUT")]);
    spec.outputs = vec![output("number", Type::Int)];
    spec.hooks.on_failure = vec![sh("echo on_failure")];
    spec.hooks.on_success = vec![sh("echo on_success")];
    assert_snapshot!(run(&spec).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"succeeded"}
    failed: line 1 of $GANTRY_OUTPUT: `number`: expected int as JSON: expected ident at line 1 column 2
    on_failure
    "#);
    spec.steps = vec![sh("true")];
    assert_snapshot!(run(&spec).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"succeeded"}
    failed: the output `number` (int) is missing: no step wrote `number=…` to $GANTRY_OUTPUT
    on_failure
    "#);
}

/// A job that puts something else in the place of the file harms itself, and not the job after it.
#[tokio::test]
async fn what_is_no_file_is_not_waited_for() {
    let mut slot = Slot::start().await;
    for instead in ["mkdir", "mkfifo", "ln -s /dev/zero"] {
        let script = format!("rm -f $GANTRY_OUTPUT; {instead} $GANTRY_OUTPUT");
        let done = slot.run(&job(vec![sh(&script)])).await;
        assert_eq!(
            done.shown(&slot).trim_end(),
            "step 0: {\"end\":\"succeeded\"}\n\
             failed: $GANTRY_OUTPUT is no file any more: append to it, and leave it where it is",
            "{instead}"
        );
    }
    let mut spec = job(vec![sh("echo number=2 >> $GANTRY_OUTPUT")]);
    spec.outputs = vec![output("number", Type::Int)];
    let done = slot.run(&spec).await;
    assert_snapshot!(done.shown(&slot), @r#"
    step 0: {"end":"succeeded"}
    succeeded
    output number = 2
    "#);
    slot.handle.close().await;
}

#[tokio::test]
async fn one_job_does_not_see_the_outputs_of_another() {
    let mut slot = Slot::start().await;
    let mut spec = job(vec![sh("echo number=1 >> $GANTRY_OUTPUT; exit 1")]);
    spec.outputs = vec![output("number", Type::Int)];
    let _ = slot.run(&spec).await;
    spec.steps = vec![sh("echo number=2 >> $GANTRY_OUTPUT")];
    let done = slot.run(&spec).await;
    assert_snapshot!(done.shown(&slot), @r#"
    step 0: {"end":"succeeded"}
    succeeded
    output number = 2
    "#);
    slot.handle.close().await;
}

#[tokio::test]
async fn secrets_are_given_and_do_not_get_out() {
    let mut slot = Slot::start().await;
    let mut spec = job(vec![sh("
        printf 'hun'; sleep 0.05; echo ter2
        echo \"${#TOKEN} $TOKEN$TOKEN\"
        echo \"text=<$TOKEN>\" >> $GANTRY_OUTPUT
        printf hunt
    ")]);
    spec.env = vec![
        var("TOKEN", EnvValue::Secret("token".to_owned())),
        var("PIN", EnvValue::Secret("pin".to_owned())),
    ];
    spec.outputs = vec![output("text", Type::String)];
    let secrets = [("token", "hunter2"), ("pin", "42")];
    let lease = slot.send_with(&spec, &secrets).await;
    let done = slot.done(lease).await;
    assert_snapshot!(done.shown(&slot), @r#"
    step 0: {"end":"succeeded"}
    succeeded
    output text = "<***>"
    gantry: the secret pin is too short to be masked
    ***
    7 ******
    hunt
    "#);
    slot.handle.close().await;
}
