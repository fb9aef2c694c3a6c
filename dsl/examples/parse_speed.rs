//! How fast a file is read, and how much memory that takes: `parse_speed [FILE]`, without a file a
//! pipeline of 10,000 jobs.

use std::fmt::Write as _;
use std::time::Instant;

use dsl::parse::parse;
use dsl::source::{FileId, SourceFile};

const JOBS: usize = 10_000;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => pipeline(JOBS)?,
    };
    println!("{} bytes, resident before: {}", text.len(), resident());
    let source = SourceFile::new(FileId(0), "large.gantry", text);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let parsed = parse(&source);
        let elapsed = start.elapsed();
        let (statements, mistakes) = (parsed.file.statements.len(), parsed.diagnostics.len());
        println!(
            "{elapsed:?}, {statements} statements, {mistakes} mistakes, {}",
            resident()
        );
        for diagnostic in parsed.diagnostics {
            let at = source.position(diagnostic.span().start);
            println!(
                "  {}:{}: {} {}",
                at.line, at.column, diagnostic.code, diagnostic.headline
            );
        }
    }
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
    Ok(text)
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
