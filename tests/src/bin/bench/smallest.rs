//! The smallest pipeline: what a person waits for who runs one line.

use std::process::Command;

use tests::kit::Sandbox;

use super::{
    measure::{in_turns, repeated, seconds, shown},
    table::{Table, with_spread},
};

const N_RUNS: usize = 21;
const N_FIRST: usize = 7;

const PIPELINE: &str = "pipeline hello {\n  job greet { sh \"echo hello\" }\n}\n";

pub fn measure(table: &mut Table) {
    let sandbox = Sandbox::with(PIPELINE);
    let (ours, peer) = in_turns(
        N_RUNS,
        || seconds(sandbox.gantry(["run", "--output", "plain"]).command()),
        || seconds(Command::new("sh").args(["-c", "echo hello"])),
    );
    let over = ours.median() - peer.median();
    table.row(
        "smallest pipeline, over `sh -c` itself",
        format!("{} = {}", shown(over), with_spread(&ours)),
        format!("sh {}", with_spread(&peer)),
        format!("+ {}", shown(over)),
        "≤ 25 ms over",
    );

    // Each in a repository that Gantry has never seen, so that it makes the store first.
    let fresh: Vec<Sandbox> = (0..N_FIRST).map(|_| Sandbox::with(PIPELINE)).collect();
    let mut left = fresh.iter();
    let first = repeated(N_FIRST, || {
        let sandbox = left.next().expect("as many as are measured");
        seconds(sandbox.gantry(["run", "--output", "plain"]).command())
    });
    table.row(
        "the same, the first time in a repository",
        with_spread(&first),
        format!("sh {}", shown(peer.median())),
        format!("+ {}", shown(first.median() - peer.median())),
        "≤ 60 ms over",
    );
}
