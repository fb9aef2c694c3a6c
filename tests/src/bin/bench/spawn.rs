//! The limit of the machine that all others lean on: how fast processes can be started at all.

use std::{process::Command, thread};

use super::{
    measure::{repeated, seconds},
    table::{Table, with_spread},
};

const N_SPAWNS: usize = 500;
const N_RUNS: usize = 5;

pub fn measure(table: &mut Table) {
    for n_threads in [1, 2] {
        let samples = repeated(N_RUNS, || {
            let started = std::time::Instant::now();
            thread::scope(|scope| {
                for _ in 0..n_threads {
                    scope.spawn(|| {
                        for _ in 0..N_SPAWNS {
                            seconds(Command::new("sh").args(["-c", "true"]));
                        }
                    });
                }
            });
            let n = (N_SPAWNS * n_threads) as f64;
            started.elapsed().as_secs_f64() / n
        });
        let what = format!("limit: `sh -c true`, {n_threads} at once, each");
        table.row(&what, "", with_spread(&samples), "", "");
    }
}
