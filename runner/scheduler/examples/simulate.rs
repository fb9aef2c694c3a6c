//! Simulates the scheduler in seeded worlds with faults.
//!
//! `simulate [--seeds] N [--from SEED]` runs so many worlds; `simulate --seed SEED` runs one of them
//! and tells what happens in it.

#[path = "../tests/sim/mod.rs"]
mod sim;
#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "each user takes a part of it")]
mod support;

use std::process::ExitCode;

/// How many worlds there are where nothing else is said.
const SEEDS: u64 = 2_000;

/// After so many worlds a line says how far it is.
const PROGRESS: u64 = 20_000;

fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)) {
        Ok(Ask::Tell(seed)) => tell(seed),
        Ok(Ask::Many { from, n }) => many(from, n),
        Err(argument) => {
            eprintln!("error: what is `{argument}`?");
            eprintln!("usage: simulate [--seeds] N [--from SEED] | --seed SEED");
            ExitCode::from(2)
        }
    }
}

enum Ask {
    Tell(u64),
    Many { from: u64, n: u64 },
}

fn arguments(mut args: impl Iterator<Item = String>) -> Result<Ask, String> {
    let (mut from, mut n) = (0, SEEDS);
    while let Some(arg) = args.next() {
        let number = |text: Option<String>| {
            let text = text.ok_or_else(|| arg.clone())?;
            text.parse::<u64>().map_err(|_| text)
        };
        match arg.as_str() {
            "--seed" | "--trace" => return Ok(Ask::Tell(number(args.next())?)),
            "--from" => from = number(args.next())?,
            "--seeds" => n = number(args.next())?,
            _ => n = number(Some(arg.clone()))?,
        }
    }
    Ok(Ask::Many { from, n })
}

fn tell(seed: u64) -> ExitCode {
    match sim::simulate(seed, true) {
        Ok(report) => {
            println!("{report:?}");
            ExitCode::SUCCESS
        }
        Err(what) => {
            println!("seed {seed}: {what}");
            ExitCode::FAILURE
        }
    }
}

fn many(from: u64, n: u64) -> ExitCode {
    // The panic is told with its seed, below.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut n_events, mut n_dispatches, mut n_crashes, mut n_runs) = (0, 0, 0, 0);
    for seed in from..from + n {
        match sim::simulate(seed, false) {
            Ok(report) => {
                n_events += report.n_events;
                n_dispatches += report.n_dispatches;
                n_crashes += report.n_crashes;
                n_runs += report.n_runs;
            }
            Err(what) => {
                eprintln!("seed {seed}: {what}");
                eprintln!(
                    "again, step by step: cargo run --release -p scheduler --example simulate -- --seed {seed}"
                );
                return ExitCode::FAILURE;
            }
        }
        let done = seed - from + 1;
        if done.is_multiple_of(PROGRESS) {
            println!("{done} of {n} worlds");
        }
    }
    println!(
        "{n} worlds from seed {from}: {n_runs} runs, {n_dispatches} attempts, {n_events} events, \
         {n_crashes} crashes of the runner; every invariant held"
    );
    ExitCode::SUCCESS
}
