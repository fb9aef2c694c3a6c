//! Speed, beside the peers and the limits of the machine, in one run: `tests/bench`.
//!
//! Absolute figures drift with the machine, so each pair is measured in turns (A B A B) and its
//! ratio is what counts. Nothing here fails a build: it reports.

#[cfg(unix)]
mod check;
#[cfg(unix)]
mod core;
#[cfg(unix)]
mod graph;
#[cfg(unix)]
mod measure;
#[cfg(unix)]
mod output;
#[cfg(unix)]
mod smallest;
#[cfg(unix)]
mod spawn;
#[cfg(unix)]
mod table;

#[cfg(unix)]
fn main() {
    use table::Table;

    /// A part of the benchmark: its name and what fills its rows.
    type Part = (&'static str, fn(&mut Table));

    const PARTS: [Part; 6] = [
        ("spawn", spawn::measure),
        ("graph", graph::measure),
        ("smallest", smallest::measure),
        ("check", check::measure),
        ("output", output::measure),
        ("core", core::measure),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(name) = wanted
        .iter()
        .find(|name| !PARTS.iter().any(|(part, _)| part == name))
    {
        eprintln!(
            "there is no part `{name}`; there are: {}",
            PARTS.map(|(part, _)| part).join(" ")
        );
        std::process::exit(2);
    }
    let mut table = Table::default();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            eprintln!("measuring: {name}");
            measure(&mut table);
        }
    }
    println!("{table}");
}

#[cfg(not(unix))]
fn main() {
    eprintln!("the benchmark measures Linux");
    std::process::exit(2);
}
