//! The pure state machine that decides everything about runs, jobs, attempts, leases, locks,
//! approvals, retries and fan-outs: `(now, input) -> effects`. No IO, no clock, no async, no map
//! without an order.

pub mod config;
pub mod effect;
pub mod input;
pub mod record;

pub use config::SchedulerConfig;
pub use effect::Effect;
pub use input::{Input, Now};
pub use record::Change;
