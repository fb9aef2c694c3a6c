//! How an engine comes to be.

use super::outbound::Given;
use super::shell::{Executing, Shell};
use super::{Clock, Handle, Secrets, SubmitError};
use crate::store::{Store, StoreError};
use model::ids::{RunId, Token};
use protocol::Source;
use scheduler::{LiveRun, Scheduler, SchedulerConfig};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::warn;

/// How an engine works.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// What the scheduler is told.
    pub scheduler: SchedulerConfig,
    /// How long a stopped attempt has between the polite stop and the one by force.
    pub stop_grace: Duration,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            scheduler: SchedulerConfig::default(),
            // Long enough for a test runner to write its report, short for a person who waits.
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// How many events wait for the engine; then whoever has another one waits.
const INBOX: usize = 1024;

/// Makes an engine. It works as long as the future is awaited, until [`Handle::shutdown`], or with the
/// error of a store that can't be written to any more.
///
/// The future writes to the store in its place, which takes some tens of microseconds at a desk and
/// as long as the disk needs in a daemon: give it a thread on which that holds nobody who matters.
///
/// # Errors
/// Where the store can't be read.
pub fn start(
    mut store: Store,
    clock: impl Clock,
    config: EngineConfig,
) -> Result<(Handle, impl Future<Output = Result<(), StoreError>>), StoreError> {
    let token = store.last_token()?;
    make(store, clock, config, token, Vec::new(), BTreeMap::new())
}

/// A run to go on with after its process has ended.
#[derive(Debug)]
pub struct Resume {
    /// Which.
    pub run: RunId,
    /// Where its source tree is.
    pub source: Source,
    /// The secrets that its jobs may ask for; they are never stored.
    pub secrets: Secrets,
}

/// Makes an engine as [`start`] does, and goes on with runs that were left behind. Those that have
/// ended, and those that a living process executes, are passed over.
///
/// # Errors
/// Where the store can't be read, or what it says makes no sense.
pub fn resume(
    mut store: Store,
    clock: impl Clock,
    config: EngineConfig,
    runs: Vec<Resume>,
) -> Result<(Handle, impl Future<Output = Result<(), StoreError>>), SubmitError> {
    let mut live = Vec::new();
    let mut executing = BTreeMap::new();
    for Resume {
        run,
        source,
        secrets,
    } in runs
    {
        let given = Given::new(&source, secrets).map_err(SubmitError::Source)?;
        let Some(lock) = store.adopt_run(run)? else {
            warn!("run {run} is not resumed: a living process executes it");
            continue;
        };
        // Only now: before, that process could still write.
        if let Some(rows) = store.live_run(run)? {
            live.push(rows);
            executing.insert(run, Executing::new(given, lock));
        }
    }
    let token = store.last_token()?;
    Ok(make(store, clock, config, token, live, executing)?)
}

fn make(
    store: Store,
    clock: impl Clock,
    config: EngineConfig,
    token: Token,
    live: Vec<LiveRun>,
    runs: BTreeMap<RunId, Executing>,
) -> Result<(Handle, impl Future<Output = Result<(), StoreError>>), StoreError> {
    let EngineConfig {
        scheduler,
        stop_grace,
    } = config;
    let scheduler = Scheduler::restore(scheduler, clock.now(), live, token)
        .map_err(|error| store.damaged(error.to_string()))?;
    let (tx, inbox) = mpsc::channel(INBOX);
    let handle = Handle { engine: tx.clone() };
    let shell = Shell::new(store, clock, scheduler, stop_grace, (tx, inbox), runs);
    Ok((handle, shell.run()))
}
