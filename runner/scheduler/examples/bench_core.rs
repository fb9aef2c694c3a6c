//! Measures the scheduler alone: microseconds per decision, one line for each size.
//!
//! A decision is one input that it handles: a job started, a job finished, a heartbeat. What follows
//! from it (rows, the next dispatch with its resolved spec) is part of it.

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "each user takes a part of it")]
mod support;

use model::ids::{RunId, WorkerId};
use model::outcome::Outcome;
use model::plan::Plan;
use scheduler::effect::Dispatch;
use scheduler::input::{AttemptResult, Input, Now, Registration, Selection, Submit};
use scheduler::{Effect, Scheduler, SchedulerConfig};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use support::plan::Builder;

/// A size is measured so often, and the median counts.
const REPEATS: usize = 3;

fn main() {
    let layered = layered(1_000);
    row("1,000 jobs in 10 layers, 2 slots", 2.0, || {
        let mut world = World::new(1, 2);
        world.submit(&layered);
        world.work(usize::MAX)
    });
    let wide = wide(1_000_000);
    row("one run of 1,000,000 jobs, 10,000 workers", 10.0, || {
        let mut world = World::new(10_000, 1);
        world.submit(&wide);
        world.work(200_000)
    });
    let thousand = self::wide(1_000);
    row("1,000 runs of 1,000 jobs, 10,000 workers", 10.0, || {
        let mut world = World::new(10_000, 1);
        for _ in 0..1_000 {
            world.submit(&thousand);
        }
        world.work(200_000)
    });
    if let Some(peak) = peak_memory() {
        println!("peak memory of all of it\t{peak}\t");
    }
}

/// Prints the median of some measurements.
fn row(name: &str, goal: f64, mut measure: impl FnMut() -> f64) {
    let mut figures: Vec<_> = (0..REPEATS).map(|_| measure()).collect();
    figures.sort_by(f64::total_cmp);
    println!("{name}\t{:.2}\t{goal}", figures[REPEATS / 2]);
}

/// Jobs in ten layers, each of which needs two of the layer before.
fn layered(n: usize) -> Arc<Plan> {
    let width = n / 10;
    let mut builder = Builder::new();
    let name = |layer: usize, index: usize| format!("j{layer}_{index}");
    for layer in 0..10 {
        for index in 0..width {
            let mut job = builder.job(&name(layer, index));
            if layer > 0 {
                job = job.needs(&name(layer - 1, index));
                job = job.needs(&name(layer - 1, (index + 1) % width));
            }
            let _ = job;
        }
    }
    builder.build()
}

/// One job for each of so many elements.
fn wide(n: usize) -> Arc<Plan> {
    let elements: Vec<_> = (0..n).map(|index| index.to_string()).collect();
    let elements: Vec<_> = elements.iter().map(String::as_str).collect();
    let mut builder = Builder::new();
    let _ = builder.job("unit").over("x", &elements);
    builder.build()
}

struct World {
    scheduler: Scheduler,
    now: Now,
    effects: Vec<Effect>,
    sent: VecDeque<Dispatch>,
    n_runs: u64,
}

impl World {
    fn new(n_workers: u32, n_slots: u32) -> Self {
        let mut world = Self {
            scheduler: Scheduler::new(SchedulerConfig::default()),
            now: Now {
                mono_ms: 0,
                wall_ms: 0,
            },
            effects: Vec::new(),
            sent: VecDeque::new(),
            n_runs: 0,
        };
        for worker in 0..n_workers {
            world.handle(Input::WorkerRegistered(Registration {
                worker: WorkerId(worker),
                name: format!("w{worker}"),
                labels: BTreeSet::from(["linux".to_owned()]),
                facts: BTreeMap::new(),
                n_slots,
                n_prefetch: n_slots,
                held: Vec::new(),
            }));
        }
        world
    }

    fn submit(&mut self, plan: &Arc<Plan>) {
        self.n_runs += 1;
        self.handle(Input::Submit(Submit {
            run: RunId(self.n_runs),
            plan: Arc::clone(plan),
            selection: Selection::All,
            by: "bench".to_owned(),
            keep_going: false,
        }));
    }

    fn handle(&mut self, input: Input) {
        self.scheduler.handle(self.now, input, &mut self.effects);
        for effect in self.effects.drain(..) {
            if let Effect::Dispatch(dispatch) = effect {
                self.sent.push_back(dispatch);
            }
        }
    }

    /// Starts and finishes what was sent, at most so many jobs. Gives microseconds per input.
    fn work(&mut self, most: usize) -> f64 {
        #[expect(
            clippy::disallowed_methods,
            clippy::disallowed_types,
            reason = "a benchmark measures"
        )]
        let start = std::time::Instant::now();
        let mut n_inputs = 0_u32;
        for _ in 0..most {
            let Some(dispatch) = self.sent.pop_front() else {
                break;
            };
            self.now.mono_ms += u64::from(n_inputs.is_multiple_of(1_000));
            let (worker, attempt, token) = (dispatch.worker, dispatch.attempt, dispatch.token);
            self.handle(Input::Started {
                worker,
                attempt,
                token,
            });
            let result = AttemptResult {
                outcome: Outcome::Succeeded,
                outputs: BTreeMap::new(),
                produced: None,
                log_length: 0,
                took_ms: 1,
            };
            self.handle(Input::Finished {
                worker,
                attempt,
                token,
                result,
            });
            n_inputs += 2;
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(n_inputs)
    }
}

/// The most memory that this process had, as the kernel says.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.trim_start_matches("VmHWM:").trim().to_owned())
}
