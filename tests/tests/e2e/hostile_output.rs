//! Whatever a step prints, it does no harm, and all of it is in the log.

use std::{fs, path::PathBuf};

use tests::kit::{Running, Sandbox, fingerprint, pause, processes_of};

/// The log that the run kept: the largest file of the store that is one.
fn kept_logs(sandbox: &Sandbox) -> Vec<PathBuf> {
    fingerprint(&sandbox.store())
        .into_keys()
        .filter(|path| path.is_file() && path.to_string_lossy().contains("log"))
        .collect()
}

/// Whether one of the kept logs holds exactly these bytes.
#[track_caller]
fn assert_kept(sandbox: &Sandbox, expected: &[u8]) {
    let logs = kept_logs(sandbox);
    let found = logs.iter().any(|path| {
        let bytes = fs::read(path).expect("the log can be read");
        bytes.windows(expected.len()).any(|part| part == expected)
    });
    assert!(found, "not kept as it was printed, in {logs:?}");
}

#[test]
fn invalid_text_control_bytes_and_escapes_do_no_harm() {
    let printed = b"\xff\xfe invalid \xc3\x28\x00 nul \x1b[31mred\x1b]0;title\x07 \x1b[2J gone\x9b5n\r\rover\n";
    let sandbox = Sandbox::with("pipeline p { job a { sh \"cat bytes; exit 1\" } }\n");
    sandbox.write("bytes", printed);
    sandbox.commit("bytes");
    for output in ["plain", "human", "json"] {
        let finished = sandbox
            .gantry(["run", "--output", output])
            .run()
            .expect_code(1);
        for sequence in ["\u{1b}]0;", "\u{1b}[2J", "\0"] {
            assert!(
                !finished.all().contains(sequence),
                "{output}: {sequence:?} got through"
            );
        }
    }
    assert_kept(&sandbox, printed);
}

#[test]
fn output_without_a_newline_at_its_end_is_kept() {
    let sandbox = Sandbox::with("pipeline p { job a { sh \"printf 'no newline'\" } }\n");
    let _ = sandbox
        .gantry(["run", "--output", "plain"])
        .run()
        .expect_code(0)
        .expect_text("no newline");
    assert_kept(&sandbox, b"no newline");
}

/// A line of 100 MB, and after it 150 MB of ordinary ones: memory does not follow.
#[test]
fn large_output_is_kept_in_flat_memory() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  job a {
    sh "head -c 100000000 /dev/zero | tr '\\0' x; echo"
    sh "yes 'an ordinary line of an ordinary program' | head -c 150000000"
  }
}
"#,
    );
    let mut running = sandbox.gantry(["run", "--output", "human"]).start();
    let peak = peak_memory(&mut running, &sandbox);
    let _ = running.wait().expect_code(0);
    let kept: u64 = kept_logs(&sandbox)
        .iter()
        .map(|path| path.metadata().expect("the log is there").len())
        .sum();
    assert!(kept >= 250_000_000, "{kept} bytes are kept");
    // Far below the output, far above what both processes need.
    assert!(peak < 100_000, "{peak} KiB of memory for 250 MB of output");
}

/// The largest sum of resident memory of all Gantry processes of the run, in KiB.
fn peak_memory(running: &mut Running, sandbox: &Sandbox) -> u64 {
    let mut peak = 0;
    while !running.has_ended() {
        let sum = processes_of(sandbox.root())
            .iter()
            .filter(|process| process.command.contains("gantry"))
            .filter_map(|process| fs::read_to_string(format!("/proc/{}/status", process.pid)).ok())
            .filter_map(|status| {
                let line = status
                    .lines()
                    .find_map(|line| line.strip_prefix("VmRSS:"))?;
                line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
            })
            .sum();
        peak = peak.max(sum);
        pause();
    }
    peak
}
