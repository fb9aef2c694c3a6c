//! What the store costs: opening, and writing batches of the size that a run makes.
//! `cargo run --release -p runner --example bench_store [FOLDER]`

use model::ids::{AttemptId, JobId, NodeId, RunId, Token, WorkerId};
use model::outcome::Outcome;
use model::spec::Place;
use runner::{Durability, Layout, Store};
use scheduler::Change;
use scheduler::record::{JobRow, JobState, StepRow};
use std::collections::BTreeMap;
use std::time::Instant;

const N_BATCHES: u32 = 5_000;

fn job(job: u32, state: JobState) -> Change {
    Change::Job(JobRow {
        run: RunId(1),
        job: JobId(job),
        node: NodeId(job),
        elements: Vec::new(),
        name: format!("job-{job}"),
        state,
        n_attempts: 1,
        outputs: BTreeMap::new(),
        produced: None,
        ready_ms: Some(1_700_000_000_000),
        started_ms: Some(1_700_000_000_000),
        finished_ms: None,
        approvals: BTreeMap::new(),
    })
}

fn step(job: u32) -> Change {
    Change::Step(StepRow {
        attempt: AttemptId {
            run: RunId(1),
            job: JobId(job),
            number: 1,
        },
        step: 0,
        name: "cargo test".to_owned(),
        place: Place { line: 7, column: 5 },
        log_from: 0,
        started_ms: 1_700_000_000_000,
        end: Some((model::event::StepEnd::Succeeded, 100, 20)),
    })
}

fn main() -> Result<(), runner::StoreError> {
    let folder = std::env::args_os()
        .nth(1)
        .unwrap_or_else(|| "/tmp/bench_store".into());
    let _ = std::fs::remove_dir_all(&folder);
    let layout = Layout::at(folder);
    for durability in [Durability::Normal, Durability::Full] {
        let _ = std::fs::remove_dir_all(layout.root());
        let start = Instant::now();
        let store = Store::open(&layout, durability)?;
        let first = start.elapsed();
        drop(store);
        let start = Instant::now();
        let mut store = Store::open(&layout, durability)?;
        println!(
            "{durability:?}: open: first {first:?}, then {:?}",
            start.elapsed()
        );

        let start = Instant::now();
        for n in 0..N_BATCHES {
            let running = JobState::Running {
                worker: WorkerId(1),
                token: Token(n.into()),
                stopping: None,
            };
            let ended = JobState::Ended {
                outcome: Outcome::Succeeded,
                allowed: false,
            };
            let batch = [
                job(n, ended),
                step(n),
                job(n + 1, running),
                job(n + 2, JobState::Queued),
                Change::Token(Token(n.into())),
            ];
            store.write(&batch)?;
        }
        let took = start.elapsed();
        println!(
            "{durability:?}: batch of 3 jobs, a step and a token: {:?}",
            took / N_BATCHES
        );

        let start = Instant::now();
        let batch: Vec<_> = (0..N_BATCHES).map(|n| job(n, JobState::Queued)).collect();
        let made = start.elapsed();
        store.write(&batch)?;
        let took = start.elapsed() - made;
        println!(
            "{durability:?}: one of {N_BATCHES} jobs: {:?} per row",
            took / N_BATCHES
        );
        let start = Instant::now();
        drop(store);
        println!("{durability:?}: close: {:?}", start.elapsed());
    }
    Ok(())
}
