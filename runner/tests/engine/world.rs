//! An engine with a store of its own and fake workers.

use super::fake_worker::{FakeWorker, encoded_link};
use model::event::{Event, EventKind};
use model::ids::RunId;
use model::plan::Plan;
use protocol::Source;
use protocol::link::{self, RunnerEnd, WorkerEnd};
use runner::engine::{self, EngineConfig, Resume, SystemClock};
use runner::{Durability, Handle, Layout, Secrets, Store, StoreError, SubmitRequest, Subscription};
use scheduler::input::Selection;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long a test may take. Only a hang comes near it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Awaits something that has to happen.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("this should have happened by now")
}

pub struct World {
    pub handle: Handle,
    engine: JoinHandle<Result<(), StoreError>>,
    rest: Remains,
}

/// What a killed engine leaves behind.
#[derive(Clone)]
pub struct Remains {
    layout: Layout,
    _folder: Arc<tempfile::TempDir>,
}

/// How messages get from one side to the other.
#[derive(Debug, Clone, Copy)]
pub enum Wire {
    /// As values.
    InMemory,
    /// As bytes.
    Encoded,
}

impl Wire {
    pub const ALL: [Self; 2] = [Self::InMemory, Self::Encoded];

    pub fn link(self) -> (RunnerEnd, WorkerEnd) {
        match self {
            Self::InMemory => link::in_memory(),
            Self::Encoded => encoded_link(),
        }
    }
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rest = Remains {
            layout: Layout::at(folder.path().join("store")),
            _folder: Arc::new(folder),
        };
        rest.resume(&[])
    }

    /// Another engine on the same store, as of a second process.
    pub fn beside(&self, runs: &[RunId]) -> Self {
        self.rest.clone().resume(runs)
    }

    /// Ends the engine as `kill -9` would: between two of its writes, or in the midst of one, which
    /// the database then never did.
    pub async fn kill(self) -> Remains {
        self.engine.abort();
        assert!(soon(self.engine).await.unwrap_err().is_cancelled());
        self.rest
    }

    pub async fn submit(&self, plan: Plan) -> Subscription {
        self.handle.submit(request(plan)).await.unwrap()
    }

    /// Attaches a worker; it is handed back when its session has ended.
    pub async fn attach(&self, wire: Wire, mut worker: FakeWorker) -> JoinHandle<FakeWorker> {
        let (runner, end) = wire.link();
        self.handle.attach(runner).await;
        tokio::spawn(async move {
            worker.serve(end).await;
            worker
        })
    }

    /// Breaks the store behind the engine's back: nothing more can be written.
    pub fn break_store(&self) {
        let db = rusqlite::Connection::open(self.rest.layout.store()).unwrap();
        db.execute_batch("DROP TABLE jobs").unwrap();
    }

    /// Waits for the engine's own end, which is no good one.
    pub async fn failure(self) -> StoreError {
        soon(self.engine).await.unwrap().unwrap_err()
    }

    /// Ends the engine; it must end well.
    pub async fn shutdown(self) -> Store {
        self.handle.shutdown().await;
        soon(self.engine).await.unwrap().unwrap();
        self.rest.store()
    }
}

impl Remains {
    /// The store, to look at it.
    pub fn store(&self) -> Store {
        Store::open_for_reading(&self.layout).unwrap()
    }

    /// An engine that goes on with these runs.
    pub fn resume(self, runs: &[RunId]) -> World {
        let store = Store::open(&self.layout, Durability::Normal).unwrap();
        let resume = |run: &RunId| Resume {
            run: *run,
            source: Source::Snapshot("/snapshot".into()),
            secrets: Secrets::default(),
        };
        let runs = runs.iter().map(resume).collect();
        let (clock, config) = (SystemClock::new(), EngineConfig::default());
        let (handle, engine) = engine::resume(store, clock, config, runs).unwrap();
        World {
            handle,
            engine: tokio::spawn(engine),
            rest: self,
        }
    }
}

pub fn request(plan: Plan) -> SubmitRequest {
    SubmitRequest {
        plan: Arc::new(plan),
        selection: Selection::All,
        by: "ann".to_owned(),
        keep_going: false,
        source: Source::Snapshot("/snapshot".into()),
        secrets: Secrets::default(),
    }
}

/// All events until the run has ended.
pub async fn watch(events: &mut Subscription) -> Vec<Event> {
    let mut seen = Vec::new();
    while let Some(event) = soon(events.recv()).await {
        seen.push(event);
    }
    let numbers: Vec<_> = seen.iter().map(|event| event.seq).collect();
    let first = numbers.first().copied().unwrap_or(1);
    assert!((first..).zip(&numbers).all(|(n, number)| n == *number));
    assert!(matches!(
        seen.last().map(|event| &event.kind),
        Some(EventKind::RunFinished { .. })
    ));
    seen
}

/// The events until one of a kind has come.
pub async fn until(events: &mut Subscription, wanted: impl Fn(&EventKind) -> bool) {
    loop {
        let event = soon(events.recv()).await.expect("the run goes on");
        if wanted(&event.kind) {
            return;
        }
    }
}

/// What the store says of a run, for snapshots.
pub fn stored(store: &mut Store, run: RunId) -> String {
    let summary = store.run(run).unwrap().unwrap();
    let mut text = format!("run: {}\n", summary.status.word());
    for job in store.jobs(run).unwrap() {
        let state = match &job.state {
            scheduler::record::JobState::Ended { outcome, .. } => outcome.to_string(),
            other => format!("{other:?}"),
        };
        let _ = writeln!(text, "{} ({}): {state}", job.name, job.n_attempts);
        for step in store.steps(run, Some(job.job)).unwrap() {
            let end = step
                .end
                .map_or("running".to_owned(), |(end, ..)| format!("{end:?}"));
            let _ = writeln!(text, "  {}.{}: {end}", step.attempt.number, step.step);
        }
    }
    text
}
