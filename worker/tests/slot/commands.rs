//! The line between worker and slot.

use crate::kit::{Slot, job, sh};
use protocol::v1::to_runner::Body;
use std::time::Duration;
use worker::slot::client::SlotError;

#[tokio::test]
async fn jobs_may_be_sent_ahead_and_be_taken_back() {
    let mut slot = Slot::start().await;
    let first = slot
        .send(&job(vec![sh(
            "echo up; while ! test -e go; do sleep 0.01; done",
        )]))
        .await;
    let second = slot.send(&job(vec![sh("echo second")])).await;
    let third = slot.send(&job(vec![sh("echo third")])).await;
    slot.until_log(first, "up").await;
    slot.stop(second, Duration::ZERO).await;
    let taken_back = slot.done(second).await;
    assert_eq!(taken_back.outcome.to_string(), "canceled: by a test");
    assert_eq!(taken_back.log, "");
    slot.stop(first, Duration::ZERO).await;
    assert_eq!(
        slot.done(first).await.outcome.to_string(),
        "canceled: by a test"
    );
    assert_eq!(slot.done(third).await.log, "third\n");
    // One that has ended: nothing happens.
    slot.stop(first, Duration::ZERO).await;
    assert_eq!(
        slot.run(&job(vec![sh("echo fourth")])).await.log,
        "fourth\n"
    );
    slot.handle.close().await;
}

#[tokio::test]
async fn reports_come_in_order_and_stand_in_the_journal() {
    let mut slot = Slot::start().await;
    let lease = slot.send(&job(vec![sh("echo one"), sh("exit 1")])).await;
    let mut told = Vec::new();
    loop {
        told.push(match slot.news().await.unwrap() {
            Body::Started(_) => "started",
            Body::StepStarted(_) => "step started",
            Body::StepFinished(_) => "step finished",
            Body::LogGrew(_) => continue,
            Body::Finished(finished) => {
                assert_eq!(finished.lease, Some(lease));
                told.push("finished");
                break;
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        told,
        [
            "started",
            "step started",
            "step finished",
            "step started",
            "step finished",
            "finished"
        ]
    );
    assert_eq!(slot.journal(), told);
    slot.handle.close().await;
}

#[tokio::test]
async fn a_slot_that_dies_is_noticed() {
    let mut slot = Slot::start().await;
    let lease = slot
        .send(&job(vec![sh("echo up; kill -9 $PPID; sleep 600")]))
        .await;
    let error = loop {
        match slot.news().await {
            Ok(Body::Finished(finished)) => panic!("{finished:?}"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SlotError::Gone { .. }), "{error}");
    assert!(error.to_string().contains("signal: 9"), "{error}");
    let _ = lease;
}
