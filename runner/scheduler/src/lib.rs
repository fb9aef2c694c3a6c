//! The pure state machine that decides everything about runs, jobs, attempts, leases, locks,
//! approvals, retries and fan-outs: `(now, input) -> effects`. No IO, no clock, no async, no map
//! without an order.

mod concurrency;
pub mod config;
mod core;
mod dispatch;
pub mod effect;
pub mod input;
mod lease;
mod locks;
mod queue;
pub mod record;
mod run;
mod scheduler;
mod selector;
mod shape;
mod timers;
mod workers;

pub use config::SchedulerConfig;
pub use effect::Effect;
pub use input::{Input, Now};
pub use record::{Change, LiveRun};
pub use run::PRIORITY_MS;
pub use scheduler::Scheduler;
