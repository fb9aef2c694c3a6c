//! Some thousand simulated worlds. `tests/sim 1000000` runs a million; `tests/sim --seed N` replays.

mod sim;
#[expect(dead_code, reason = "each user takes a part of it")]
mod support;

/// A few seconds' worth.
const SEEDS: u64 = 2_000;

#[test]
fn every_invariant_holds_in_every_world() {
    let mut n_crashes = 0;
    for seed in 0..SEEDS {
        match sim::simulate(seed, false) {
            Ok(report) => n_crashes += report.n_crashes,
            Err(what) => panic!("seed {seed}: {what}\nreplay: tests/sim --seed {seed}"),
        }
    }
    assert!(n_crashes > 0, "the worlds are too peaceful");
}
