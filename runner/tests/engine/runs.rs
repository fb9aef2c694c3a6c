//! Runs from their submission to their end.

use super::fake_worker::{Act, FakeWorker};
use super::plans::{job, layered, plan, retried};
use super::world::{Wire, World, request, stored, until, watch};
use model::event::EventKind;
use model::plan::{Plan, Retry, RetryOn};
use runner::SubmitError;
use runner::store::RunStatus;

/// Runs a plan on one worker, over both wires, and compares what the store says at the end.
async fn check(
    plan: impl Fn() -> Plan,
    script: impl Fn(&str, u32) -> Act + Clone + Send + 'static,
    expected: &str,
) {
    for wire in Wire::ALL {
        let world = World::new();
        world.attach(wire, FakeWorker::new(2, script.clone())).await;
        let mut events = world.submit(plan()).await;
        watch(&mut events).await;
        let found = stored(&mut world.shutdown().await, events.run());
        assert_eq!(found.trim(), expected.trim(), "over {wire:?}");
    }
}

#[tokio::test]
async fn a_run_goes_to_its_end() {
    check(
        || plan(vec![job("build", &[]), job("test", &[0])]),
        |_, _| Act::Succeed,
        "
run: succeeded
build (1): succeeded
  1.0: Succeeded
test (1): succeeded
  1.0: Succeeded
",
    )
    .await;
}

#[tokio::test]
async fn a_failure_stops_what_depends_on_it() {
    check(
        || plan(vec![job("build", &[]), job("lint", &[]), job("test", &[0])]),
        |name, _| match name {
            "build" => Act::Fail(3),
            _ => Act::Succeed,
        },
        "
run: failed
build (1): failed: exit code 3
  1.0: Exit { code: 3 }
lint (1): succeeded
  1.0: Succeeded
test (0): skipped: blocked by build
",
    )
    .await;
}

/// The wait between two attempts is the timer's; the time is turned here.
#[tokio::test(start_paused = true)]
async fn a_job_is_tried_again_after_a_while() {
    let retry = Retry {
        times: 2,
        on: vec![RetryOn::Failed],
        delay_ms: 5_000,
    };
    check(
        || plan(vec![retried(job("flaky", &[]), retry.clone())]),
        |_, attempt| match attempt {
            1 => Act::Fail(1),
            _ => Act::Succeed,
        },
        "
run: succeeded
flaky (2): succeeded
  1.0: Exit { code: 1 }
  2.0: Succeeded
",
    )
    .await;
}

#[tokio::test]
async fn a_canceled_run_ends() {
    for wire in Wire::ALL {
        let world = World::new();
        world
            .attach(wire, FakeWorker::new(1, |_, _| Act::Hang))
            .await;
        let mut events = world
            .submit(plan(vec![job("hang", &[]), job("next", &[0])]))
            .await;
        until(&mut events, |kind| {
            matches!(kind, EventKind::StepStarted { .. })
        })
        .await;
        world.handle.cancel(events.run(), "ann").await;
        watch(&mut events).await;
        let found = stored(&mut world.shutdown().await, events.run());
        insta::allow_duplicates! { insta::assert_snapshot!(found, @"
        run: canceled
        hang (1): canceled: by ann
          1.0: Stopped
        next (0): skipped: not started: canceled by ann
        ") }
    }
}

/// The first event is the run's own, and the last comes when all else has come, whoever watches.
#[tokio::test]
async fn events_tell_the_whole_run() {
    let world = World::new();
    let mut events = world.submit(layered(20, 4)).await;
    let mut second = world.handle.subscribe(events.run()).await.unwrap();
    world
        .attach(Wire::InMemory, FakeWorker::new(3, |_, _| Act::Succeed))
        .await;
    let seen = watch(&mut events).await;
    assert!(matches!(
        seen[0].kind,
        EventKind::RunStarted { n_jobs: 20, .. }
    ));
    let finished = seen
        .iter()
        .filter(|event| matches!(event.kind, EventKind::JobFinished { .. }))
        .count();
    assert_eq!(finished, 20);
    let rest = watch(&mut second).await;
    assert!(
        seen.iter()
            .map(|event| &event.kind)
            .skip(seen.len() - rest.len())
            .eq(rest.iter().map(|event| &event.kind))
    );
    assert!(world.handle.subscribe(events.run()).await.is_none());
    world.shutdown().await;
}

/// Whoever doesn't read his events holds nobody, and costs no memory that grows with a log.
#[tokio::test]
async fn a_slow_watcher_holds_nobody() {
    let world = World::new();
    let mut slow = world.submit(plan(vec![job("chatty", &[])])).await;
    let mut quick = world.handle.subscribe(slow.run()).await.unwrap();
    world
        .attach(
            Wire::InMemory,
            FakeWorker::new(1, |_, _| Act::Chatter(10_000)),
        )
        .await;
    watch(&mut quick).await;
    let seen = watch(&mut slow).await;
    assert!(seen.len() < 20, "{} events", seen.len());
    world.shutdown().await;
}

#[tokio::test]
async fn several_runs_share_a_worker() {
    let world = World::new();
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(world.submit(layered(30, 3)).await);
    }
    world
        .attach(Wire::InMemory, FakeWorker::new(2, |_, _| Act::Succeed))
        .await;
    for events in &mut runs {
        watch(events).await;
    }
    let mut store = world.shutdown().await;
    for run in store.runs(None, 10).unwrap() {
        assert_eq!(run.status, RunStatus::Ended(model::Outcome::Succeeded));
    }
}

#[tokio::test]
async fn what_this_build_cant_do_is_refused() {
    let world = World::new();
    let mut plan = plan(vec![job("build", &[])]);
    plan.unsupported.push(model::plan::Unsupported {
        word: "container".to_owned(),
        place: model::spec::Place { line: 4, column: 1 },
        node: Some(model::NodeId(0)),
        help: "run it without".to_owned(),
    });
    let refused = world.handle.submit(request(plan)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "this build can't execute `container` (line 4)"
    );
    assert!(world.shutdown().await.runs(None, 1).unwrap().is_empty());
}

#[tokio::test]
async fn an_engine_that_has_ended_says_so() {
    let world = World::new();
    let handle = world.handle.clone();
    world.shutdown().await;
    let refused = handle.submit(request(plan(vec![job("build", &[])]))).await;
    assert!(matches!(refused, Err(SubmitError::Ended)));
    assert!(handle.subscribe(model::RunId(1)).await.is_none());
}
