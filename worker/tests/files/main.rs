//! Snapshots, workspaces and what jobs hand on, with real files.
#![cfg(unix)]

mod kit;
mod produce;
mod snapshot;
mod workspace;
