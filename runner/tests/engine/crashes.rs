//! An engine that is killed at any moment, and another one that goes on with its runs.

use super::fake_worker::{Act, FakeWorker};
use super::plans::{job, plan};
use super::random_plans::{Drawn, act, built, drawn};
use super::world::{Wire, World, request, soon, stored, until};
use model::event::EventKind;
use model::ids::RunId;
use model::plan::Plan;
use proptest::collection::vec;
use proptest::prelude::*;
use runner::Subscription;
use runner::store::RunStatus;
use scheduler::record::JobState;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long nothing has to happen until a test believes that nothing more will. The time is turned.
const IDLE: Duration = Duration::from_secs(10);

/// What became of a run while it was watched.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// So many events.
    Enough,
    /// Nothing happens any more.
    Idle,
    /// It has ended.
    End,
}

async fn watch(events: &mut Subscription, n: usize) -> Seen {
    for _ in 0..n {
        match tokio::time::timeout(IDLE, events.recv()).await {
            Ok(Some(_)) => {}
            Ok(None) => return Seen::End,
            Err(_) => return Seen::Idle,
        }
    }
    Seen::Enough
}

/// Runs a plan to its end on one worker, through an engine that is killed after so many events each
/// time, and whenever only attempts are left that hang: these end while there is no engine. How the
/// jobs ended, by name.
async fn run(plan: Plan, drawn: Vec<Drawn>, kills: &[usize]) -> BTreeSet<String> {
    let mut world = World::new();
    let script = move |name: &str, attempt| act(&drawn, name, attempt);
    let worker = FakeWorker::new(2, script);
    let mut session = world.attach(Wire::InMemory, worker).await;
    let mut events = world.submit(plan).await;
    let run = events.run();
    let mut kills = kills.iter().copied();
    while watch(&mut events, kills.next().unwrap_or(usize::MAX)).await != Seen::End {
        let rest = world.kill().await;
        let mut worker = soon(session).await.unwrap();
        worker.finish_all();
        world = rest.resume(&[run]);
        session = world.attach(Wire::InMemory, worker).await;
        match world.handle.subscribe(run).await {
            Some(again) => events = again,
            // Its end was stored before the engine was killed.
            None => break,
        }
    }
    let mut store = world.shutdown().await;
    let worker = soon(session).await.unwrap();
    check_end(&mut store, run, &worker);
    let jobs = store.jobs(run).unwrap();
    jobs.into_iter()
        .map(|job| match job.state {
            JobState::Ended { outcome, .. } => format!("{}: {outcome}", job.name),
            other => panic!("{} has not ended: {other:?}", job.name),
        })
        .collect()
}

fn check_end(store: &mut runner::Store, run: RunId, worker: &FakeWorker) {
    assert!(matches!(
        store.run(run).unwrap().unwrap().status,
        RunStatus::Ended(_)
    ));
    assert!(store.unfinished_runs().unwrap().is_empty());
    assert!(worker.held().is_empty(), "all results were acknowledged");
    let leases: BTreeSet<_> = worker.begun.iter().map(|(_, lease)| *lease).collect();
    assert_eq!(leases.len(), worker.begun.len(), "no attempt began twice");
    for job in store.jobs(run).unwrap() {
        let begun = worker.begun.iter().filter(|(name, _)| *name == job.name);
        assert!(
            begun.count() <= job.n_attempts as usize,
            "{} began more often than its rows say",
            job.name
        );
    }
}

fn in_turned_time<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Wherever the engine is killed, the run ends as it would have without that.
    #[test]
    fn a_run_survives_its_engine(drawn in drawn(), kills in vec(1..12_usize, 1..6)) {
        let calm = in_turned_time(run(built(&drawn), drawn.clone(), &[]));
        let shaken = in_turned_time(run(built(&drawn), drawn.clone(), &kills));
        prop_assert_eq!(shaken, calm);
    }
}

/// What a killed engine had not stored, nobody has seen.
#[tokio::test]
async fn what_is_shown_is_stored() {
    let world = World::new();
    world
        .attach(Wire::InMemory, FakeWorker::new(1, |_, _| Act::Hang))
        .await;
    let mut events = world.submit(plan(vec![job("build", &[])])).await;
    until(&mut events, |kind| {
        matches!(kind, EventKind::StepStarted { .. })
    })
    .await;
    let rest = world.kill().await;
    let found = stored(&mut rest.store(), events.run());
    insta::assert_snapshot!(found, @"
    run: interrupted
    build (1): Running { worker: WorkerId(1), token: Token(1), stopping: None }
      1.0: running
    ");
}

/// A run of a living process is left to it.
#[tokio::test]
async fn a_live_run_is_not_taken_over() {
    let world = World::new();
    let events = world.submit(plan(vec![job("build", &[])])).await;
    let second = world.beside(&[events.run()]);
    assert!(second.handle.subscribe(events.run()).await.is_none());
    assert!(world.handle.subscribe(events.run()).await.is_some());
    second.shutdown().await;
    world.shutdown().await;
}

/// An engine that can't write any more stops what runs, and ends with the reason.
#[tokio::test]
async fn a_store_that_fails_ends_the_engine() {
    let world = World::new();
    let session = world
        .attach(Wire::InMemory, FakeWorker::new(1, |_, _| Act::Hang))
        .await;
    let mut events = world.submit(plan(vec![job("build", &[])])).await;
    until(&mut events, |kind| {
        matches!(kind, EventKind::StepStarted { .. })
    })
    .await;
    world.break_store();
    let handle = world.handle.clone();
    handle.cancel(events.run(), "ann").await;
    let error = world.failure().await;
    assert!(
        error.to_string().ends_with("store.sqlite failed"),
        "{error}"
    );
    let worker = soon(session).await.unwrap();
    assert_eq!((worker.begun.len(), worker.n_running()), (1, 0));
    // Nothing is shown that is not stored.
    assert_eq!(soon(events.recv()).await, None);
    assert!(handle.submit(request(plan(vec![]))).await.is_err());
}
