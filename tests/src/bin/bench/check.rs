//! `gantry check` of a file of ten thousand jobs: what an editor and a hook wait for.

use std::fmt::Write as _;

use tests::kit::Sandbox;

use super::{
    measure::{repeated, seconds_and_peak},
    table::{Table, with_spread},
};

const N_JOBS: usize = 10_000;
const N_RUNS: usize = 7;

pub fn measure(table: &mut Table) {
    let text = pipeline();
    let sandbox = Sandbox::with(&text);
    let mut peaks = Vec::new();
    let samples = repeated(N_RUNS, || {
        let (took, peak) = seconds_and_peak(sandbox.gantry(["check"]).command());
        peaks.push(peak);
        took
    });
    let peak = peaks.into_iter().fold(0.0, f64::max);
    let what = format!("check of {N_JOBS} jobs, {} KB", text.len() / 1000);
    table.figure(&what, with_spread(&samples), "≤ 500 ms");
    table.figure(
        "the same, peak memory",
        format!("{peak:.1} MiB"),
        "≤ 80 MiB",
    );
}

/// About 100 bytes a job, as people write them: a need, a timeout, a script.
fn pipeline() -> String {
    let mut text = String::from("pipeline large {\n");
    for index in 0..N_JOBS {
        let needs = match index.checked_sub(1) {
            None => String::new(),
            Some(before) => format!("needs = [job_{before}], "),
        };
        let _ = writeln!(
            text,
            "  job job_{index} {{ {needs}timeout = 10m, sh \"make --directory part-{index} all test\" }}"
        );
    }
    text + "}\n"
}
