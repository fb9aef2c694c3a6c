//! What the tests, the simulator and the benchmark share.

pub mod plan;
pub mod wire;
