//! The engine with the real scheduler and store, and workers without machines.

mod crashes;
mod fake_worker;
mod plans;
mod random_plans;
mod restore;
mod runs;
mod sessions;
mod world;
