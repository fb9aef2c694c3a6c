//! How a step becomes a process: its command line, its environment, and why it could not be started.

mod environment;
mod script;
mod start;

pub(crate) use environment::{Environment, Places, Variables};
pub(crate) use script::{CommandLine, command_line};
pub(crate) use start::{StartError, start};

use crate::os;
use std::collections::BTreeMap;

/// The environment that every step gets from this machine: no more than programs can't do without,
/// so that a job means the same everywhere. Variables that are not Unicode are not passed on.
#[must_use]
pub fn base_environment() -> BTreeMap<String, String> {
    os::base_variables()
        .iter()
        .filter_map(|(name, default)| {
            let value = std::env::var(name).ok().or(default.map(str::to_owned))?;
            Some(((*name).to_owned(), value))
        })
        .collect()
}
