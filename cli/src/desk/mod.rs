//! What is special about the desk: the repository around the current folder, its pipelines, its store,
//! and a runner and worker in this very process.

pub mod event;
pub mod git;
pub mod pipelines;
mod repository;
pub mod selection;
pub mod store;
pub mod tree;

pub use repository::Repository;
