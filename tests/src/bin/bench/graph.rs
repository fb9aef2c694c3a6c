//! A thousand jobs that do nothing, in ten layers, each needing two of the layer before: what
//! Gantry itself costs per job, beside ninja, which records nothing.

use std::{fmt::Write as _, fs, process::Command};

use tests::kit::Sandbox;

use super::{
    measure::{Samples, in_turns, is_present, repeated, seconds},
    table::Table,
};

const N_LAYERS: usize = 10;
const N_IN_LAYER: usize = 100;
const N_JOBS: usize = N_LAYERS * N_IN_LAYER;
const N_RUNS: usize = 7;

pub fn measure(table: &mut Table) {
    let sandbox = Sandbox::with(&pipeline());
    let folder = sandbox.root().join("ninja");
    fs::create_dir(&folder).expect("the sandbox takes folders");
    fs::write(folder.join("build.ninja"), build_file()).expect("the sandbox takes files");

    let gantry = || {
        let mut run = sandbox.gantry(["run", "--slots", "2", "--output", "plain"]);
        per_job(seconds(run.command()))
    };
    let ninja = || {
        for layer in 0..N_LAYERS {
            for index in 0..N_IN_LAYER {
                let _ = fs::remove_file(folder.join(format!("l{layer}_{index}")));
            }
        }
        let _ = fs::remove_file(folder.join(".ninja_log"));
        per_job(seconds(
            Command::new("ninja")
                .current_dir(&folder)
                .args(["-j2", "--quiet"]),
        ))
    };
    let what = "1,000 jobs in 10 layers, 2 slots, per job";
    let goal = "≤ 1.5 × ninja";
    if is_present("ninja") {
        let (ours, peer) = in_turns(N_RUNS, gantry, ninja);
        table.pair(what, &ours, Some(("ninja", &peer)), goal);
    } else {
        let ours: Samples = repeated(N_RUNS, gantry);
        table.pair(what, &ours, None, goal);
    }
    table.note(
        "1,000 jobs: each with a workspace, a log and its records, `sh \"true\"`; ninja runs \
         `: > $out` and keeps a stamp.",
    );
}

fn per_job(seconds: f64) -> f64 {
    seconds / N_JOBS as f64
}

/// The two of the layer before that a job needs.
fn needed(index: usize) -> [usize; 2] {
    [index, (index + 1) % N_IN_LAYER]
}

fn pipeline() -> String {
    let mut text = String::from("pipeline graph {\n");
    for layer in 0..N_LAYERS {
        for index in 0..N_IN_LAYER {
            let needs = match layer.checked_sub(1) {
                None => String::new(),
                Some(before) => {
                    let [a, b] = needed(index);
                    format!("needs = [l{before}_{a}, l{before}_{b}]\n    ")
                }
            };
            let _ = writeln!(
                text,
                "  job l{layer}_{index} {{\n    {needs}sh \"true\"\n  }}"
            );
        }
    }
    text + "}\n"
}

fn build_file() -> String {
    let mut text = String::from("rule r\n  command = : > $out\n");
    for layer in 0..N_LAYERS {
        for index in 0..N_IN_LAYER {
            let needs = match layer.checked_sub(1) {
                None => String::new(),
                Some(before) => {
                    let [a, b] = needed(index);
                    format!(" l{before}_{a} l{before}_{b}")
                }
            };
            let _ = writeln!(text, "build l{layer}_{index}: r{needs}");
        }
    }
    text
}
