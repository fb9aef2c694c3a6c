//! The `gantry` command: runs pipelines at the desk, checks and plans them, and shows what was run.

mod error;
mod exit_code;
mod output;

fn main() {}
