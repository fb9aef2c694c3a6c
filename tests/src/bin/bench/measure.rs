//! Measuring: pairs in turns, medians with their spread, and the memory of a process tree.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Instant,
};

use tests::kit::{gantry_binary, pause, processes_of};

/// What was measured several times.
#[derive(Debug, Clone)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// The middle one.
    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// From the first to the third quartile.
    pub fn spread(&self) -> (f64, f64) {
        (self.at(0.25), self.at(0.75))
    }

    fn at(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len() - 1;
        let index = (last as f64 * part).round() as usize;
        sorted[index]
    }
}

/// Runs `a` and `b` in turns, after one turn of each that does not count. Both return seconds.
pub fn in_turns(
    n: usize,
    mut a: impl FnMut() -> f64,
    mut b: impl FnMut() -> f64,
) -> (Samples, Samples) {
    let _ = (a(), b());
    let pairs = (0..n).map(|_| (a(), b()));
    let (a, b) = pairs.unzip();
    (Samples(a), Samples(b))
}

/// Runs one thing `n` times.
pub fn repeated(n: usize, mut measure: impl FnMut() -> f64) -> Samples {
    Samples((0..n).map(|_| measure()).collect())
}

/// Seconds until the command has ended. It must end well: a figure of a failure is none.
pub fn seconds(command: &mut Command) -> f64 {
    let started = Instant::now();
    let status = quiet(command).status().expect("the command starts");
    let took = started.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    took.as_secs_f64()
}

/// Seconds and the peak of resident memory in MiB of one process, as the kernel counted it.
#[expect(
    clippy::zombie_processes,
    reason = "wait4 collects it, and tells what it used"
)]
pub fn seconds_and_peak(command: &mut Command) -> (f64, f64) {
    let started = Instant::now();
    let child = quiet(command).spawn().expect("the command starts");
    let (status, peak) = wait_with_usage(&child);
    let took = started.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    (took.as_secs_f64(), peak)
}

/// Seconds, and the peaks of all Gantry processes of a run summed up, in MiB: the command itself
/// and its slots, but not what the steps are.
pub fn seconds_and_tree_peak(command: &mut Command, root: &Path) -> (f64, f64) {
    let started = Instant::now();
    let mut child = quiet(command).spawn().expect("the command starts");
    let mut peak = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        peak = peak.max(gantry_memory(child.id(), root));
        pause();
    };
    let took = started.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    (took.as_secs_f64(), peak)
}

/// Whether a program is on this machine.
pub fn is_present(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

/// A duration in the unit that reads best.
pub fn shown(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.2} µs", s * 1e6),
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

fn gantry_memory(run: u32, root: &Path) -> f64 {
    processes_of(root)
        .into_iter()
        .map(|process| process.pid)
        .chain([run])
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .filter(|pid| {
            fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == gantry_binary())
        })
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok())
        .filter_map(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().strip_suffix(" kB")?.parse::<f64>().ok()
        })
        .sum::<f64>()
        / 1024.0
}

fn wait_with_usage(child: &Child) -> (ExitStatus, f64) {
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid one; the kernel fills it in.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values, and the child is waited for nowhere else.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, pid, "the child can be waited for");
    let peak = usage.ru_maxrss as f64 / 1024.0;
    (ExitStatus::from_raw(status), peak)
}
