//! Workers that come, go, and talk nonsense.

use super::fake_worker::{Act, FakeWorker};
use super::plans::{job, plan};
use super::world::{World, soon, stored, until, watch};
use model::event::EventKind;
use protocol::v1::{self, to_worker};
use protocol::{PROTOCOL_VERSION, link};

fn register(protocol: u32) -> v1::Register {
    v1::Register {
        protocol,
        name: "odd".to_owned(),
        n_slots: 1,
        ..v1::Register::default()
    }
}

/// Sends messages and collects the answers until the runner ends the session.
async fn talk(world: &World, messages: Vec<v1::ToRunner>) -> Vec<to_worker::Body> {
    let (runner, mut worker) = link::in_memory();
    world.handle.attach(runner).await;
    for message in messages {
        let _ = worker.tx.send(message).await;
    }
    let mut answers = Vec::new();
    while let Some(answer) = soon(worker.rx.recv()).await {
        answers.extend(answer.body);
    }
    answers
}

#[tokio::test]
async fn a_worker_of_another_version_is_refused() {
    let world = World::new();
    for first in [
        register(PROTOCOL_VERSION + 1).into(),
        v1::Heartbeat {}.into(),
        v1::ToRunner { body: None },
        v1::Register {
            facts: [("os".to_owned(), "no JSON".to_owned())].into(),
            ..register(PROTOCOL_VERSION)
        }
        .into(),
    ] {
        let answers = talk(&world, vec![first]).await;
        let [to_worker::Body::Welcome(welcome)] = &answers[..] else {
            panic!("{answers:?}");
        };
        assert_eq!(welcome.protocol, PROTOCOL_VERSION);
    }
    world.shutdown().await;
}

/// Messages without sense, about nothing, or out of turn change nothing.
#[tokio::test]
async fn nonsense_is_passed_over() {
    let world = World::new();
    let mut events = world.submit(plan(vec![job("build", &[])])).await;
    let (runner, mut odd) = link::in_memory();
    world.handle.attach(runner).await;
    let lease = Some(v1::Lease {
        run: 99,
        job: 7,
        attempt: 1,
        token: 1 << 60,
    });
    let nonsense: [v1::ToRunner; 7] = [
        register(PROTOCOL_VERSION).into(),
        register(PROTOCOL_VERSION).into(),
        v1::ToRunner { body: None },
        v1::Started { lease: None }.into(),
        v1::Started { lease }.into(),
        v1::Finished {
            lease,
            ..v1::Finished::default()
        }
        .into(),
        v1::StepFinished {
            lease,
            ..v1::StepFinished::default()
        }
        .into(),
    ];
    for message in nonsense {
        odd.tx.send(message).await.unwrap();
    }
    // It gets the job like any other worker, and ends it with a result that says nothing.
    let lease = loop {
        let answer = soon(odd.rx.recv()).await.unwrap();
        if let Some(to_worker::Body::Assign(assign)) = answer.body {
            break assign.lease;
        }
    };
    odd.tx.send(v1::Started { lease }.into()).await.unwrap();
    let finished = v1::Finished {
        lease,
        ..v1::Finished::default()
    };
    odd.tx.send(finished.into()).await.unwrap();
    watch(&mut events).await;
    let found = stored(&mut world.shutdown().await, events.run());
    insta::assert_snapshot!(found, @"
    run: failed
    build (1): failed: its worker sent a result that makes no sense: `outcome` is missing, or of a kind that this build doesn't know
    ");
}

/// A worker that loses its connection keeps what it holds, and says the end on the next one.
#[tokio::test]
async fn a_worker_comes_back_with_what_it_holds() {
    let world = World::new();
    let mut events = world
        .submit(plan(vec![job("build", &[]), job("test", &[0])]))
        .await;
    let (runner, end) = link::in_memory();
    world.handle.attach(runner).await;
    let script = |name: &str, _| match name {
        "build" => Act::Hang,
        _ => Act::Succeed,
    };
    let mut worker = FakeWorker::new(1, script);
    tokio::select! {
        () = worker.serve(end) => panic!("the session goes on"),
        () = until(&mut events, |kind| matches!(kind, EventKind::StepStarted { .. })) => {}
    }
    assert_eq!(worker.held().len(), 1);
    worker.finish_all();
    let (runner, end) = link::in_memory();
    world.handle.attach(runner).await;
    let again = tokio::spawn(async move {
        worker.serve(end).await;
        worker
    });
    watch(&mut events).await;
    let found = stored(&mut world.shutdown().await, events.run());
    insta::assert_snapshot!(found, @"
    run: succeeded
    build (1): succeeded
      1.0: running
    test (1): succeeded
      1.0: Succeeded
    ");
    let worker = soon(again).await.unwrap();
    assert!(worker.held().is_empty());
    assert_eq!(worker.begun.len(), 2);
}
