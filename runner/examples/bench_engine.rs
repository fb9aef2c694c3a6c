//! What engine, scheduler and store cost per job: layered graphs of no-op jobs on workers that answer
//! at once. `cargo run --release -p runner --example bench_engine [N_JOBS]…`

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/engine/fake_worker.rs"]
mod fake_worker;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/engine/plans.rs"]
mod plans;

use fake_worker::{Act, FakeWorker};
use model::event::EventKind;
use protocol::{Source, link};
use runner::engine::{self, EngineConfig, SystemClock};
use runner::{Durability, Layout, Secrets, Store, SubmitRequest};
use scheduler::input::Selection;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

const N_LAYERS: u32 = 10;
const N_SLOTS: u32 = 2;
const N_TIMES: usize = 5;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let sizes: Vec<u32> = std::env::args()
        .skip(1)
        .map(|n| n.parse())
        .collect::<std::result::Result<_, _>>()?;
    let sizes = if sizes.is_empty() {
        vec![1_000, 10_000]
    } else {
        sizes
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    for n_jobs in sizes {
        let plan = Arc::new(plans::layered(n_jobs, N_LAYERS));
        let mut took = Vec::new();
        for _ in 0..N_TIMES {
            let folder = tempfile::tempdir()?;
            let layout = Layout::at(folder.path());
            took.push(runtime.block_on(run(&layout, &plan))?);
        }
        took.sort();
        let median = took[took.len() / 2];
        println!("{n_jobs} jobs: {median:?}, {:?} per job", median / n_jobs);
    }
    Ok(())
}

/// One run, from opening the store to the last event.
async fn run(layout: &Layout, plan: &Arc<model::Plan>) -> Result<Duration> {
    let start = Instant::now();
    let store = Store::open(layout, Durability::Normal)?;
    let (handle, engine) = engine::start(store, SystemClock::new(), EngineConfig::default())?;
    let engine = tokio::spawn(engine);
    let (runner, end) = link::in_memory();
    let worker = tokio::spawn(async move {
        let mut worker = FakeWorker::new(N_SLOTS, |_, _| Act::Succeed);
        worker.is_slow = true;
        worker.serve(end).await;
    });
    handle.attach(runner).await;
    let mut events = handle
        .submit(SubmitRequest {
            plan: Arc::clone(plan),
            selection: Selection::All,
            by: "bench".to_owned(),
            keep_going: false,
            source: Source::Snapshot("/snapshot".into()),
            secrets: Secrets::default(),
        })
        .await?;
    let mut last = None;
    while let Some(event) = events.recv().await {
        last = Some(event.kind);
    }
    let took = start.elapsed();
    match last {
        Some(EventKind::RunFinished { outcome, .. }) if outcome.is_success() => {}
        other => return Err(format!("the run ended with {other:?}").into()),
    }
    handle.shutdown().await;
    engine.await??;
    worker.await?;
    Ok(took)
}
