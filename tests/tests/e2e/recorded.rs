//! What is recorded survives, and several runs at once do not disturb each other.

use rustix::process::Signal;
use tests::kit::Sandbox;

#[test]
fn crashed_run_is_shown_as_such() {
    let sandbox = Sandbox::with("pipeline p { job a { sh \"echo a is up; sleep 600\" } }\n");
    let mut running = sandbox.gantry(["run", "--output", "plain"]).start();
    running.wait_for("a is up");
    running.signal(Signal::KILL);
    let _ = running.wait();
    let finished = sandbox.gantry(["runs"]).run().expect_code(0);
    let _ = finished.expect_text("p").expect_no_text("running");
    let logs = sandbox.gantry(["logs"]).run().expect_code(0);
    let _ = logs.expect_text("a is up");
}

#[test]
fn two_runs_at_once_share_a_store() {
    let sandbox = Sandbox::with("pipeline p { job a for n in range(20) { sh \"echo $n\" } }\n");
    let runs: Vec<_> = (0..3)
        .map(|_| {
            sandbox
                .gantry(["run", "--slots", "2", "--output", "json"])
                .start()
        })
        .collect();
    for running in runs {
        let finished = running.wait().expect_code(0);
        assert_eq!(finished.report().outcomes().len(), 20);
    }
    let finished = sandbox.gantry(["runs"]).run().expect_code(0);
    assert!(
        finished.stdout.matches("succeeded").count() >= 3,
        "{}",
        finished.stdout
    );
}
