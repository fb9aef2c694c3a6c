//! A whole world in one thread: a runner that crashes and comes back, workers that die and return,
//! a network that loses, delays, doubles and reorders, people, and a clock that jumps. All of it
//! follows from a seed. After each event an independent checker compares what it saw with the rules.

mod checker;
mod machines;
mod outcomes;
mod plans;
mod rng;
mod store;
mod worker;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Of so many seeds one is run twice, and both must give the same trace.
const TWICE: u64 = 16;

/// What a world came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    pub n_events: u64,
    pub n_dispatches: u64,
    pub n_crashes: u64,
    pub n_runs: u64,
    /// A digest of the trace.
    pub digest: u64,
}

/// Runs the world of a seed.
pub fn simulate(seed: u64, tell: bool) -> Result<Report, String> {
    let twice = seed.is_multiple_of(TWICE) && !tell;
    let report = once(seed, tell, twice)?;
    if twice {
        let again = once(seed, false, twice)?;
        if report != again {
            return Err(format!(
                "two runs of one seed differ: {report:?}, {again:?}"
            ));
        }
    }
    Ok(report)
}

fn once(seed: u64, tell: bool, digest: bool) -> Result<Report, String> {
    // A panic of the scheduler is a finding like any other.
    let run = AssertUnwindSafe(|| world::World::new(seed, tell, digest).run());
    match catch_unwind(run) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(format!("panicked: {}", text.unwrap_or_default()))
        }
    }
}
