//! The scheduler alone, by its own benchmark, which prints one line for each of its sizes:
//! `name<TAB>microseconds per decision<TAB>goal`, and lines without a goal for other figures.

use std::process::Command;

use tests::kit::workspace_root;

use super::table::Table;

pub fn measure(table: &mut Table) {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace_root())
        .args([
            "run",
            "--release",
            "--quiet",
            "--package",
            "scheduler",
            "--example",
            "bench_core",
        ])
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut columns = line.split('\t');
        let (Some(name), Some(figure)) = (columns.next(), columns.next()) else {
            continue;
        };
        let what = format!("scheduler: {name}");
        match columns.next().unwrap_or_default() {
            "" => table.figure(&what, figure, ""),
            goal => table.figure(
                &what,
                format!("{figure} µs a decision"),
                &format!("≤ {goal} µs"),
            ),
        }
    }
}
