//! The async shell around the scheduler. It takes what has happened in batches, lets the scheduler
//! decide, writes all rows of a batch in one transaction, and only then carries out the rest: what is
//! acted on is always stored.

mod batch;
mod clock;
mod event;
mod handle;
mod outbound;
mod session;
mod shell;
mod start;
mod subscription;

pub use clock::{Clock, SystemClock};
pub use handle::{Handle, Secrets, SubmitError, SubmitRequest};
pub use start::{EngineConfig, Resume, resume, start};
pub use subscription::Subscription;
