//! What a store's rows say is what the scheduler that wrote them knows.

use super::fake_worker::Act;
use super::random_plans::{act, built, drawn};
use model::event::StepEnd;
use model::ids::{AttemptId, RunId, Token, WorkerId};
use model::outcome::{Failure, Outcome};
use model::spec::Place;
use proptest::collection::vec;
use proptest::prelude::*;
use runner::{Durability, Layout, Store};
use scheduler::effect::Dispatch;
use scheduler::input::{AttemptResult, Registration, Selection, StepBegin, Submit};
use scheduler::{Effect, Input, Now, Scheduler, SchedulerConfig};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

const RUN: RunId = RunId(1);
const WORKER: WorkerId = WorkerId(1);

/// A scheduler whose rows are written after every input, and a worker whose messages come one by one
/// in the order that the test draws.
struct World {
    now: Now,
    live: Scheduler,
    store: Store,
    /// By attempt: what its worker has yet to say.
    attempts: BTreeMap<(AttemptId, Token), VecDeque<Input>>,
    act: Box<dyn Fn(&str, u32) -> Act>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(act: impl Fn(&str, u32) -> Act + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        Self {
            now: Now {
                mono_ms: 5_000,
                wall_ms: 1_700_000_000_000,
            },
            live: Scheduler::new(SchedulerConfig::default()),
            store: Store::open(&layout, Durability::Normal).unwrap(),
            attempts: BTreeMap::new(),
            act: Box::new(act),
            _folder: folder,
        }
    }

    fn handle(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.live.handle(self.now, input, &mut effects);
        let rows = effects.iter().filter_map(|effect| match effect {
            Effect::Record(change) => Some(change),
            _ => None,
        });
        self.store.write(rows).unwrap();
        for effect in effects {
            match effect {
                Effect::Dispatch(dispatch) => self.begin(&dispatch),
                Effect::Stop { attempt, token, .. } => {
                    let outcome = Outcome::Canceled {
                        by: "a stop".to_owned(),
                    };
                    let said = VecDeque::from([finished(attempt, token, outcome)]);
                    self.attempts.insert((attempt, token), said);
                }
                _ => {}
            }
        }
    }

    /// What the attempt will say.
    fn begin(&mut self, dispatch: &Dispatch) {
        let Dispatch { attempt, token, .. } = *dispatch;
        let worker = WORKER;
        let (end, outcome) = match (self.act)(&dispatch.spec.name, attempt.number) {
            Act::Fail(code) => (StepEnd::Exit { code }, failed(code)),
            _ => (StepEnd::Succeeded, Outcome::Succeeded),
        };
        let step = StepBegin {
            step: 0,
            name: "true".to_owned(),
            place: Place { line: 1, column: 1 },
            log_from: 0,
        };
        let said = VecDeque::from([
            Input::Started {
                worker,
                attempt,
                token,
            },
            Input::StepStarted {
                worker,
                attempt,
                token,
                step,
            },
            Input::StepFinished {
                worker,
                attempt,
                token,
                step: 0,
                end,
                log_to: 3,
                took_ms: 1,
            },
            finished(attempt, token, outcome),
        ]);
        self.attempts.insert((attempt, token), said);
    }

    fn register(&self) -> Input {
        Input::WorkerRegistered(Registration {
            worker: WORKER,
            name: "fake".to_owned(),
            labels: ["linux".to_owned()].into(),
            facts: BTreeMap::new(),
            n_slots: 2,
            n_prefetch: 0,
            held: self.attempts.keys().copied().collect(),
        })
    }

    /// Lets one attempt say its next thing; where none has anything to say, time passes.
    fn step(&mut self, which: prop::sample::Index) {
        if self.attempts.is_empty() {
            self.now.mono_ms += 10;
            self.now.wall_ms += 10;
            self.handle(Input::Wake);
            return;
        }
        let key = *self
            .attempts
            .keys()
            .nth(which.index(self.attempts.len()))
            .unwrap();
        let said = self.attempts.get_mut(&key).unwrap().pop_front().unwrap();
        if self.attempts[&key].is_empty() {
            self.attempts.remove(&key);
        }
        self.handle(said);
    }

    /// A scheduler made of the rows shows what the one that wrote them does.
    fn check(&mut self) {
        let runs = self.store.live_run(RUN).unwrap().into_iter().collect();
        let token = self.store.last_token().unwrap();
        let config = SchedulerConfig::default();
        let mut restored = Scheduler::restore(config, self.now, runs, token).unwrap();
        // Rows don't say what workers are called; the worker does when it comes back.
        restored.handle(self.now, self.register(), &mut Vec::new());
        restored.check_invariants();
        assert_eq!(shown(&restored), shown(&self.live));
    }
}

fn failed(code: i32) -> Outcome {
    let failure = Failure::Exit { step: 0, code };
    Outcome::Failed { failure }
}

fn finished(attempt: AttemptId, token: Token, outcome: Outcome) -> Input {
    let result = AttemptResult {
        outcome,
        outputs: BTreeMap::new(),
        produced: None,
        log_length: 3,
        took_ms: 1,
    };
    Input::Finished {
        worker: WORKER,
        attempt,
        token,
        result,
    }
}

/// All that can be seen of the run.
fn shown(scheduler: &Scheduler) -> String {
    let mut text = String::new();
    for job in scheduler.jobs(RUN) {
        let explained = scheduler.explain(RUN, job.id()).unwrap();
        let _ = writeln!(
            text,
            "{} {} ({}) {:?} {:?}: {explained}",
            job.id(),
            job.name(),
            job.n_attempts(),
            job.state(),
            job.started_ms(),
        );
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_hold_the_state_at_every_point(
        drawn in drawn(),
        order in vec(any::<prop::sample::Index>(), 1..80),
        canceled_at in proptest::option::of(0..80_usize),
    ) {
        let plan = Arc::new(built(&drawn));
        let mut world = World::new(move |name, attempt| act(&drawn, name, attempt));
        world.handle(Input::Submit(Submit {
            run: RUN,
            plan,
            selection: Selection::All,
            by: "ann".to_owned(),
            keep_going: false,
        }));
        world.handle(world.register());
        for (n, which) in order.into_iter().enumerate() {
            world.check();
            if canceled_at == Some(n) {
                world.handle(Input::Cancel { run: RUN, by: "ann".to_owned() });
            } else {
                world.step(which);
            }
        }
        world.check();
    }
}
