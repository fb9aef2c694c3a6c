//! The worker's side of a session with a runner.

use crate::Dirs;
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, time::Duration};

/// How a worker is set up.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Its name.
    pub name: String,
    /// Labels, beside those of its system and architecture.
    pub labels: Vec<String>,
    /// Facts, as JSON values.
    pub facts: BTreeMap<String, String>,
    /// Where it keeps its files.
    pub dirs: Dirs,
    /// Where the logs of attempts are written: `RUN/JOB.N.log`.
    pub logs: PathBuf,
    /// How many jobs it runs at a time.
    pub n_slots: u32,
    /// How many assigned jobs may wait for a slot.
    pub n_prefetch: u32,
    /// Whether what it tells must survive a power cut.
    pub durable: bool,
    /// The program of a slot process, and its first arguments: `gantry slot`.
    pub slot_program: Vec<OsString>,
    /// Between the polite stop and the one by force, where the runner doesn't say.
    pub stop_grace: Duration,
    /// The environment that every job starts with: `PATH`, `LANG`, …
    pub base_env: BTreeMap<OsString, OsString>,
}
