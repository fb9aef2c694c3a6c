//! The engine around the scheduler: store, transports, embedded runs.

pub mod engine;
pub mod layout;
pub mod store;

pub use engine::{EngineConfig, Handle, Secrets, SubmitError, SubmitRequest, Subscription};
pub use layout::Layout;
pub use store::{Durability, Store, StoreError};
