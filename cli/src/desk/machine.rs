//! This machine as a worker.

use super::selection::Machine;
use crate::error::{Error, Result};
use model::value::Value;
use runner::layout::Layout;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;
use worker::session::WorkerConfig;
use worker::{Dirs, executor};

/// What the worker of a desk is called.
const NAME: &str = "desk";

/// How long steps have between the polite stop and the one by force when the runner is gone, which
/// at a desk means that the run is over.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// What jobs may ask of it.
#[must_use]
pub fn this_machine() -> Machine {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    Machine {
        name: NAME.to_owned(),
        labels: [os, arch].map(str::to_owned).into(),
        facts: facts(),
    }
}

fn facts() -> BTreeMap<String, Value> {
    let facts = [
        ("os", std::env::consts::OS),
        ("arch", std::env::consts::ARCH),
    ];
    facts
        .map(|(name, value)| (name.to_owned(), Value::text(value)))
        .into()
}

/// Where its slots have their folders: each process has slots of its own beside those of others.
#[must_use]
pub fn slots_folder(layout: &Layout) -> PathBuf {
    layout.tmp().join(format!("slots-{}", std::process::id()))
}

/// How it works: in the folders of the store, with this very program as slots.
pub fn worker_config(layout: &Layout, slots: Option<u32>) -> Result<WorkerConfig> {
    let program = std::env::current_exe()
        .map_err(|error| Error::system("can't find the program itself").because(error))?;
    let n_cores = available_parallelism().map_or(1, NonZero::get);
    let n_slots = slots.unwrap_or_else(|| u32::try_from(n_cores).unwrap_or(1));
    Ok(WorkerConfig {
        name: NAME.to_owned(),
        labels: Vec::new(),
        facts: facts(),
        dirs: Dirs::below(layout.root()),
        logs: layout.logs(),
        slots: slots_folder(layout),
        n_slots,
        n_prefetch: n_slots,
        durable: false,
        program,
        args: vec!["slot".into()],
        stop_grace: STOP_GRACE,
        env: executor::base_environment(),
    })
}
