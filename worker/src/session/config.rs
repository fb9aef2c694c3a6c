//! How a worker is set up.

use crate::Dirs;
use model::Value;
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, time::Duration};

/// What a worker is told by whoever starts it.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Its name, as people see it.
    pub name: String,
    /// Labels that jobs may ask for, beside those of its system and architecture.
    pub labels: Vec<String>,
    /// Facts that selectors compare.
    pub facts: BTreeMap<String, Value>,
    /// Where it keeps its files.
    pub dirs: Dirs,
    /// Where the logs of attempts are written: [`AttemptId::path`](model::ids::AttemptId::path) below
    /// it.
    pub logs: PathBuf,
    /// Where each slot has a folder of its own while it lives.
    pub slots: PathBuf,
    /// How many jobs it runs at a time.
    pub n_slots: u32,
    /// How many more jobs may be assigned ahead.
    pub n_prefetch: u32,
    /// Whether what it tells must survive a power cut.
    pub durable: bool,
    /// The program that becomes a slot process: Gantry's own executable.
    pub program: PathBuf,
    /// The program's arguments: `slot`.
    pub args: Vec<OsString>,
    /// How long steps have between the polite stop and the one by force when the runner is gone.
    pub stop_grace: Duration,
    /// The environment that every job starts with; see
    /// [`base_environment`](crate::executor::base_environment).
    pub env: BTreeMap<String, String>,
}
