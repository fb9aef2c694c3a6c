//! What is special about the desk: the repository around the current folder, its pipelines, its store,
//! and a runner and worker in this very process.

pub mod compile;
pub mod diagnostics;
pub mod embedded;
mod event;
mod git;
pub mod machine;
pub mod pipelines;
mod repository;
pub mod selection;
pub mod signals;
pub mod source;
pub mod store;
mod tree;
pub mod watch;

pub use repository::Repository;
