//! Snapshots, workspaces and what jobs hand on, with real files.

mod kit;
mod produce;
mod snapshot;
mod workspace;
