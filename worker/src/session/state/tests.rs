//! The state machine alone: what is ordered after each event.

use super::*;
use crate::Dirs;
use std::path::{Path, PathBuf};

struct World {
    state: State,
    now: Instant,
}

impl World {
    fn new(n_slots: u32) -> Self {
        let config = WorkerConfig {
            name: String::new(),
            labels: Vec::new(),
            facts: BTreeMap::new(),
            dirs: Dirs::below(Path::new("/store")),
            logs: PathBuf::new(),
            slots: PathBuf::new(),
            n_slots,
            n_prefetch: 2,
            durable: false,
            program: PathBuf::new(),
            args: Vec::new(),
            stop_grace: Duration::from_secs(1),
            env: BTreeMap::new(),
        };
        Self {
            state: State::new(&config),
            now: Instant::now(),
        }
    }

    /// What follows from an event, a line each.
    fn after(&mut self, event: Event) -> String {
        let mut orders = Vec::new();
        self.state.handle(self.now, event, &mut orders);
        self.check();
        let lines: Vec<_> = orders.iter().map(line).collect();
        lines.join("\n")
    }

    fn say(&mut self, message: impl Into<ToWorker>) -> String {
        self.after(Event::Runner(message.into()))
    }

    fn assign(&mut self, job: u32, token: u64) -> String {
        self.say(Assign {
            lease: lease(job, token),
            ..Assign::default()
        })
    }

    fn finished(&mut self, slot: u32, job: u32, token: u64) -> String {
        let finished = Finished {
            lease: lease(job, token),
            outcome: Some((&Outcome::Succeeded).into()),
            ..Finished::default()
        };
        self.after(Event::News(SlotId(slot), finished.into()))
    }

    fn gone(&mut self, slot: u32) -> String {
        self.after(Event::Gone {
            slot: SlotId(slot),
            error: SlotError::Gone {
                how: "signal 9".to_owned(),
            },
            log_length: 7,
        })
    }

    /// What must hold after every event.
    fn check(&self) {
        let state = &self.state;
        let busy = state.slots.iter().zip(0..).filter_map(|(slot, id)| {
            assert!(slot.attempt.is_none() || slot.is_started);
            Some((slot.attempt?, SlotId(id)))
        });
        let busy: BTreeMap<_, _> = busy.collect();
        let running = state
            .running
            .iter()
            .map(|(id, running)| (*id, running.slot));
        assert_eq!(busy, running.collect::<BTreeMap<_, _>>());
        let is_idle = state.slots.iter().any(|slot| slot.attempt.is_none());
        assert!(
            state.queue.is_empty() || !is_idle,
            "a job waits beside an idle slot"
        );
        let mut attempts: Vec<_> = state.queue.iter().map(|(lease, _)| lease.attempt).collect();
        attempts.extend(state.running.keys());
        attempts.extend(state.ended.keys());
        let n_attempts = attempts.len();
        attempts.sort_unstable();
        attempts.dedup();
        assert_eq!(attempts.len(), n_attempts, "an attempt is in two states");
    }
}

fn lease(job: u32, token: u64) -> Option<v1::Lease> {
    Some(v1::Lease {
        run: 1,
        job,
        attempt: 1,
        token,
    })
}

fn line(order: &Order) -> String {
    let name = |lease: &Option<v1::Lease>| {
        let lease = lease.unwrap();
        format!("{}/{}", lease.job, lease.token)
    };
    match order {
        Order::Start(slot) => format!("slot {slot}: spawn"),
        Order::Command(slot, SlotCommand::Start(assign)) => {
            format!("slot {slot}: start {}", name(&assign.lease))
        }
        Order::Command(slot, SlotCommand::Stop(stop)) => {
            format!("slot {slot}: stop {}, {}", name(&stop.lease), stop.reason)
        }
        Order::Command(slot, SlotCommand::Acknowledge(acknowledge)) => {
            format!("slot {slot}: acknowledge {}", name(&acknowledge.lease))
        }
        Order::Tell(message) => match message.body.as_ref().unwrap() {
            to_runner::Body::Finished(finished) => {
                let outcome = Outcome::try_from(finished.outcome.clone().unwrap()).unwrap();
                format!("finished {}: {outcome}", name(&finished.lease))
            }
            to_runner::Body::Returned(returned) => {
                format!("returned {}: {}", name(&returned.lease), returned.reason)
            }
            other => format!("{other:?}"),
        },
    }
}

#[test]
fn slots_are_started_when_they_are_needed() {
    let mut world = World::new(2);
    insta::assert_snapshot!(world.assign(0, 10), @"slot 0: start 0/10");
    // The first one was spawned with the session; a second job needs a second one.
    insta::assert_snapshot!(world.assign(1, 11), @r"
    slot 1: spawn
    slot 1: start 1/11
    ");
    assert_eq!(world.assign(2, 12), "");
    insta::assert_snapshot!(world.finished(1, 1, 11), @r"
    slot 1: start 2/12
    finished 1/11: succeeded
    ");
    insta::assert_snapshot!(world.finished(0, 0, 10), @"finished 0/10: succeeded");
}

#[test]
fn an_end_is_told_again_until_it_is_acknowledged() {
    let mut world = World::new(1);
    world.assign(0, 10);
    world.finished(0, 0, 10);
    assert_eq!(world.after(Event::Resend), "");
    world.now += RESEND_AFTER;
    insta::assert_snapshot!(world.after(Event::Resend), @"finished 0/10: succeeded");
    assert_eq!(world.after(Event::Resend), "");
    // An acknowledgment of another lease is none of this one.
    world.say(Acknowledge { lease: lease(0, 9) });
    world.now += RESEND_AFTER;
    insta::assert_snapshot!(world.after(Event::Resend), @"finished 0/10: succeeded");
    assert_eq!(
        world.say(Acknowledge {
            lease: lease(0, 10)
        }),
        ""
    );
    world.now += RESEND_AFTER;
    insta::assert_snapshot!(world.after(Event::Resend), @"slot 0: acknowledge 0/10");
    assert_eq!(world.state.held(), []);
}

#[test]
fn a_slot_hears_of_acknowledgments_with_its_next_job() {
    let mut world = World::new(1);
    world.assign(0, 10);
    world.finished(0, 0, 10);
    world.say(Acknowledge {
        lease: lease(0, 10),
    });
    insta::assert_snapshot!(world.assign(1, 11), @r"
    slot 0: acknowledge 0/10
    slot 0: start 1/11
    ");
}

#[test]
fn what_comes_twice_or_too_late_changes_nothing() {
    let mut world = World::new(1);
    world.assign(0, 10);
    world.assign(1, 11);
    for (job, token) in [(0, 10), (1, 11), (0, 9), (1, 3)] {
        assert_eq!(world.assign(job, token), "");
    }
    assert_eq!(
        world.say(Stop {
            lease: lease(0, 9),
            ..Stop::default()
        }),
        ""
    );
    assert_eq!(world.say(Recall { lease: lease(1, 3) }), "");
    insta::assert_snapshot!(world.assign(0, 12), @"returned 0/12: an earlier lease of the attempt is still held here");
    insta::assert_snapshot!(world.finished(0, 0, 10), @r"
    slot 0: start 1/11
    finished 0/10: succeeded
    ");
    insta::assert_snapshot!(world.assign(0, 10), @"finished 0/10: succeeded");
    world.say(Acknowledge {
        lease: lease(0, 10),
    });
    assert_eq!(world.assign(0, 10), "");
    // A slot that ends what it doesn't run is not believed.
    assert_eq!(world.finished(0, 0, 10), "");
}

#[test]
fn what_waits_can_be_recalled_and_stopped() {
    let mut world = World::new(1);
    world.assign(0, 10);
    world.assign(1, 11);
    world.assign(2, 12);
    insta::assert_snapshot!(world.say(Recall { lease: lease(1, 11) }), @"returned 1/11: recalled");
    assert_eq!(
        world.say(Recall {
            lease: lease(0, 10)
        }),
        ""
    );
    let stop = |job, token| Stop {
        lease: lease(job, token),
        reason: "ann".to_owned(),
        grace_ms: 1,
    };
    insta::assert_snapshot!(world.say(stop(2, 12)), @"finished 2/12: canceled: by ann");
    insta::assert_snapshot!(world.say(stop(0, 10)), @"slot 0: stop 0/10, ann");
    // A recalled lease is over; the next one is another.
    assert_eq!(world.assign(1, 11), "");
    assert_eq!(world.assign(1, 13), "");
    assert_eq!(world.state.queue.len(), 1);
}

#[test]
fn a_slot_that_is_gone_loses_its_job_and_is_replaced() {
    let mut world = World::new(1);
    world.assign(0, 10);
    world.assign(1, 11);
    insta::assert_snapshot!(world.gone(0), @r"
    slot 0: spawn
    slot 0: start 1/11
    finished 0/10: lost: the slot process has ended (signal 9)
    ");
    world.finished(0, 1, 11);
    // An idle one is replaced when there is work.
    assert_eq!(world.gone(0), "");
    insta::assert_snapshot!(world.assign(2, 12), @r"
    slot 0: spawn
    slot 0: start 2/12
    ");
}

#[test]
fn a_worker_holds_no_more_than_it_can() {
    let mut world = World::new(1);
    let bound = 1 + 1 + 2 + QUEUE_SLACK as u32;
    for job in 0..bound {
        assert!(!world.assign(job, u64::from(job) + 1).contains("returned"));
    }
    insta::assert_snapshot!(world.assign(bound, 1000), @"returned 68/1000: more jobs are assigned than the worker has asked for");
}

#[test]
fn when_the_runner_goes_what_runs_is_stopped_and_what_waits_forgotten() {
    let mut world = World::new(1);
    world.assign(0, 10);
    world.assign(1, 11);
    insta::assert_snapshot!(world.after(Event::RunnerGone), @"slot 0: stop 0/10, the runner is gone");
    assert!(world.state.is_busy());
    insta::assert_snapshot!(world.finished(0, 0, 10), @"finished 0/10: succeeded");
    assert!(!world.state.is_busy());
}

#[test]
fn what_is_stopping_already_keeps_its_time_when_the_runner_goes() {
    let mut world = World::new(1);
    world.assign(0, 10);
    let lease = lease(0, 10);
    assert_ne!(
        world.say(Stop {
            lease,
            ..Stop::default()
        }),
        ""
    );
    assert_eq!(world.after(Event::RunnerGone), "");
}

#[test]
fn the_past_is_bounded() {
    let mut past = Past::default();
    for token in 0..2 * MAX_PAST as u64 {
        past.add(Token(token));
        past.add(Token(token));
    }
    assert_eq!((past.tokens.len(), past.order.len()), (MAX_PAST, MAX_PAST));
    assert!(!past.has(Token(0)) && past.has(Token(2 * MAX_PAST as u64 - 1)));
}
