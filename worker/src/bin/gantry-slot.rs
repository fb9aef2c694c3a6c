//! A slot process alone, for the tests of this crate. Gantry itself is its own slot: `gantry slot`.

use std::process::ExitCode;

fn main() -> ExitCode {
    worker::slot::main()
}
