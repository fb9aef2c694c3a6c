//! The engine with the real scheduler and store, and workers without machines.

mod fake_worker;
mod plans;
mod runs;
mod sessions;
mod world;
