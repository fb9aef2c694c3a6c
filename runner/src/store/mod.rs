//! The runner's truth on disk: rows of the present state in one SQLite file, and a locked file for
//! each run that is alive. The rest of the runner knows [`Store`] alone; another database is another
//! body behind the same methods.

mod error;
mod lock;
mod read;
mod schema;
mod sqlite;
mod summary;
mod write;

pub use error::StoreError;
pub use lock::RunLock;
pub use sqlite::{Durability, Store};
pub use summary::{RunStatus, RunSummary};
