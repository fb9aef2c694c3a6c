//! Executes jobs: sessions, slot processes, workspaces, executors.
//!
//! A worker's session talks to a runner and hands jobs to slot processes. A slot prepares a
//! [workspace] from a [snapshot] of the source tree, runs the steps in it, and keeps what the job
//! [produces](produce) and its [artifacts](artifact).

pub mod artifact;
pub mod blobs;
pub mod dirs;
pub mod executor;
mod files;
pub mod log;
pub mod mask;
mod os;
pub mod output;
pub mod produce;
pub mod session;
pub mod slot;
pub mod snapshot;
pub mod workspace;

pub use dirs::Dirs;
