//! How fast a file is checked and planned, and how much memory that takes: `check_speed [FILE]`,
//! without a file a pipeline of 10,000 jobs.

use std::fmt::Write as _;
use std::time::Instant;

use dsl::PlanRequest;
use dsl::plan::EmptyCommit;
use dsl::source::Sources;

const JOBS: usize = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => pipeline(JOBS)?,
    };
    println!("{} bytes, {}", text.len(), resident());
    let mut sources = Sources::new();
    let source = sources.add("large.gantry", text);
    let start = Instant::now();
    let checked = dsl::check(source);
    println!(
        "checked in {:?}, {} diagnostics, {}",
        start.elapsed(),
        checked.diagnostics.len(),
        resident()
    );
    let start = Instant::now();
    let plan = checked.plan(&PlanRequest::manual(), &EmptyCommit);
    let nodes = plan.as_ref().map_or(0, |plan| plan.nodes.len());
    println!(
        "planned {nodes} nodes in {:?}, {}",
        start.elapsed(),
        resident()
    );
    Ok(())
}

/// A pipeline of about a hundred bytes a job.
fn pipeline(jobs: usize) -> Result<String, std::fmt::Error> {
    let mut text = String::from("pipeline large {\n  on push\n");
    for job in 0..jobs {
        write!(
            text,
            "  job job_{job} {{\n    needs   = [job_{}]\n    timeout = 10m\n    \
             sh \"make target-{job} >> $GANTRY_OUTPUT\"\n  }}\n",
            job.saturating_sub(1),
        )?;
    }
    text.push_str("}\n");
    Ok(text.replacen("needs   = [job_0]\n", "priority = 1\n", 1))
}

/// The memory that this process holds, and held at most, where the system tells it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(", ")
}
