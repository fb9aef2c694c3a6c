//! The engine around the scheduler: store, transports, embedded runs.

pub mod layout;
pub mod store;

pub use layout::Layout;
pub use store::{Durability, Store, StoreError};
