//! What runs after the steps, and after a stop or a timeout.

use crate::kit::{Slot, job, run, sh};
use insta::assert_snapshot;
use model::spec::{Hooks, JobSpec, StepSpec};
use std::time::Duration;

/// A job with a hook of each kind.
fn with_hooks(steps: Vec<StepSpec>) -> JobSpec {
    let mut spec = job(steps);
    spec.hooks = Hooks {
        on_failure: vec![sh("echo on_failure")],
        on_success: vec![sh("echo on_success")],
        always: vec![sh("echo always")],
    };
    spec
}

#[tokio::test]
async fn hooks_follow_the_outcome() {
    assert_snapshot!(run(&with_hooks(vec![sh("echo step")])).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"succeeded"}
    step 2: {"end":"succeeded"}
    succeeded
    step
    on_success
    always
    "#);
    assert_snapshot!(run(&with_hooks(vec![sh("exit 2"), sh("echo never")])).await, @r#"
    step 0: {"end":"exit","code":2}
    step 2: {"end":"succeeded"}
    step 3: {"end":"succeeded"}
    failed: exit code 2
    on_failure
    always
    "#);
}

#[tokio::test]
async fn the_first_failure_stays_and_cleaning_up_goes_on() {
    let mut spec = with_hooks(vec![sh("exit 2")]);
    spec.hooks.always = vec![sh("exit 3"), sh("echo second always")];
    assert_snapshot!(run(&spec).await, @r#"
    step 0: {"end":"exit","code":2}
    step 1: {"end":"succeeded"}
    step 2: {"end":"exit","code":3}
    step 3: {"end":"succeeded"}
    failed: exit code 2
    on_failure
    second always
    "#);
    let mut spec = with_hooks(vec![sh("true")]);
    spec.hooks.on_success = vec![sh("exit 3"), sh("echo never")];
    assert_snapshot!(run(&spec).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"exit","code":3}
    step 2: {"end":"succeeded"}
    failed: exit code 3
    always
    "#);
}

#[tokio::test]
async fn timeouts_of_a_step_and_of_the_job() {
    let mut slow = sh("echo slow; sleep 600");
    slow.timeout_ms = Some(200);
    assert_snapshot!(run(&with_hooks(vec![slow.clone()])).await, @r#"
    step 0: {"end":"timed_out"}
    step 1: {"end":"succeeded"}
    step 2: {"end":"succeeded"}
    timed out: after 200ms
    slow
    on_failure
    always
    "#);
    slow.allow_failure = true;
    assert_snapshot!(run(&with_hooks(vec![slow])).await, @r#"
    step 0: {"end":"timed_out"}
    step 1: {"end":"succeeded"}
    step 2: {"end":"succeeded"}
    succeeded
    slow
    on_success
    always
    "#);
    let mut spec = with_hooks(vec![sh("echo first"), sh("sleep 600"), sh("echo never")]);
    spec.timeout_ms = Some(300);
    assert_snapshot!(run(&spec).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"timed_out"}
    step 3: {"end":"succeeded"}
    step 4: {"end":"succeeded"}
    timed out: after 300ms
    first
    on_failure
    always
    "#);
}

/// Output without a pause must not keep a timeout from being seen.
#[tokio::test]
async fn timeout_of_a_step_that_never_stops_printing() {
    let mut slot = Slot::start().await;
    let mut noisy = sh("yes");
    noisy.timeout_ms = Some(300);
    let done = slot.run(&job(vec![noisy])).await;
    assert_eq!(done.outcome.to_string(), "timed out: after 300ms");
    slot.handle.close().await;
}

/// Starts the job, and stops it at each of these texts; at an empty one at once.
async fn stopped(spec: &JobSpec, at: &[&str]) -> String {
    let mut slot = Slot::start().await;
    let lease = slot.send(spec).await;
    for text in at {
        if !text.is_empty() {
            slot.until_log(lease, text).await;
        }
        slot.stop(lease, Duration::from_secs(600)).await;
    }
    let done = slot.done(lease).await;
    let shown = done.shown(&slot);
    slot.handle.close().await;
    // What a shell says of its `sleep`, if that was what was running.
    shown.replace("Terminated\n", "")
}

#[tokio::test]
async fn a_stop_ends_the_steps_politely_and_runs_always() {
    let polite = sh("trap 'echo cleaning; exit 0' TERM; echo up; while :; do sleep 0.01; done");
    let shown = stopped(&with_hooks(vec![polite, sh("echo never")]), &["up"]).await;
    assert_snapshot!(shown, @r#"
    step 0: {"end":"stopped"}
    step 2: {"end":"succeeded"}
    canceled: by a test
    up
    cleaning
    always
    "#);
}

#[tokio::test]
async fn a_second_stop_kills_and_runs_nothing() {
    let stubborn = sh("trap 'echo no' TERM; echo up; while :; do sleep 0.01 || true; done");
    let shown = stopped(&with_hooks(vec![stubborn]), &["up", "no"]).await;
    assert_snapshot!(shown, @r#"
    step 0: {"end":"stopped"}
    canceled: by a test
    up
    no
    "#);
}

#[tokio::test]
async fn a_stop_lets_always_end_and_a_second_one_does_not() {
    let mut spec = with_hooks(vec![sh("true")]);
    spec.hooks.always = vec![sh("echo up; sleep 0.2; echo cleaned")];
    assert_snapshot!(stopped(&spec, &["up"]).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"succeeded"}
    step 2: {"end":"succeeded"}
    succeeded
    on_success
    up
    cleaned
    "#);
    spec.hooks.always = vec![sh("trap 'echo asked' TERM; echo up; sleep 600; sleep 600")];
    assert_snapshot!(stopped(&spec, &["up", ""]).await, @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"succeeded"}
    step 2: {"end":"stopped"}
    canceled: by a test
    on_success
    up
    asked
    "#);
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_a_repetition() {
    let mut again = sh("echo up; exit 1");
    again.retry.times = 1;
    again.retry.delay_ms = 600_000;
    assert_snapshot!(stopped(&job(vec![again]), &["try 2 of 2"]).await, @r#"
    step 0: {"end":"stopped"}
    canceled: by a test
    up
    gantry: exit code 1; try 2 of 2
    "#);
}
