//! A step that prints a gigabyte: what masking and keeping the log costs, and in how much memory.

use std::process::Command;

use tests::kit::Sandbox;

use super::{
    measure::{in_turns, seconds, seconds_and_tree_peak},
    table::Table,
};

const N_BYTES: u64 = 1_000_000_000;
const N_RUNS: usize = 3;

pub fn measure(table: &mut Table) {
    let script = format!(
        "yes 'compiling a crate with a name of the usual length, and so on' | head -c {N_BYTES}"
    );
    let sandbox = Sandbox::with(&format!(
        "pipeline loud {{\n  job print {{ sh \"{script}\" }}\n}}\n"
    ));
    let file = sandbox.root().join("plain-file");
    let mut peak = 0.0_f64;
    let (ours, peer) = in_turns(
        N_RUNS,
        || {
            let mut run = sandbox.gantry(["run", "--output", "human"]);
            let (took, used) = seconds_and_tree_peak(run.command(), sandbox.root());
            peak = peak.max(used);
            took
        },
        || {
            let script = format!("({script}) > '{}'", file.display());
            seconds(Command::new("sh").args(["-c", &script]))
        },
    );
    let speed = |seconds: f64| N_BYTES as f64 / seconds / 1e6;
    let (ours, peer) = (speed(ours.median()), speed(peer.median()));
    table.row(
        "a step that prints 1 GB",
        format!("{ours:.0} MB/s"),
        format!("sh … > file {peer:.0} MB/s"),
        format!("{:.2} ×", ours / peer),
        "≥ 0.5 × sh",
    );
    table.figure(
        "the same, peak memory of run and slot",
        format!("{peak:.1} MiB"),
        "flat",
    );
}
