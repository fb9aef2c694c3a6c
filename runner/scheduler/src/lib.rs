//! The pure state machine that decides everything about runs, jobs, attempts, leases, locks,
//! approvals, retries and fan-outs: `(now, input) -> effects`. No IO, no clock, no async, no map
//! without an order.

mod concurrency;
pub mod config;
mod core;
mod dispatch;
pub mod effect;
pub mod explain;
pub mod input;
mod invariants;
mod lease;
mod locks;
mod queue;
pub mod record;
mod restore;
mod run;
mod scheduler;
mod selector;
mod shape;
mod timers;
pub mod view;
mod workers;

pub use config::SchedulerConfig;
pub use effect::Effect;
pub use explain::Explanation;
pub use input::{Input, Now};
pub use record::{Change, LiveRun};
pub use restore::RestoreError;
pub use run::PRIORITY_MS;
pub use scheduler::Scheduler;
pub use view::JobView;
