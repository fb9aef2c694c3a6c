//! When a job ends, all of it ends.

use std::{path::Path, time::Duration};

use rustix::process::Signal;
use tests::kit::{Running, Sandbox, processes_of, until};

/// How long the end of a tree may take: a polite stop, its bounded wait, and the kill, on a loaded
/// machine.
const END: Duration = Duration::from_secs(45);

/// A program that does all that makes a process hard to end: it forks, leaves its session twice,
/// ignores what asks politely, and holds the step's output open.
const STUBBORN: &str = r#"
import os, signal, sys, time
for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(s, signal.SIG_IGN)
def forever():
    while True:
        time.sleep(60)
if os.fork() == 0:
    forever()                      # a plain child
if os.fork() == 0:
    os.setpgid(0, 0)               # one that left the group
    forever()
if os.fork() == 0:
    os.setsid()                    # one that daemonized, and cleared its environment
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-c", "import time\nwhile True: time.sleep(60)"], {"MARK": os.environ["HOME"]})
    os._exit(0)
print("all up", flush=True)
"#;

fn sandbox(job: &str) -> Sandbox {
    let sandbox = Sandbox::with(&format!("pipeline p {{\n{job}\n}}\n"));
    sandbox.write("stubborn.py", STUBBORN);
    sandbox.write("wait.py", format!("{STUBBORN}\nforever()\n"));
    sandbox.commit("programs");
    sandbox
}

#[track_caller]
fn assert_nothing_left(root: &Path) {
    until("no process of the run is left", END, || {
        let left = processes_of(root);
        if !left.is_empty() {
            eprintln!("still there: {left:?}");
        }
        left.is_empty().then_some(())
    });
}

/// Waits until the stubborn program and all its children run.
fn all_up(running: &mut Running) {
    running.wait_for("all up");
}

#[test]
fn step_that_ends_leaves_nothing_behind() {
    let sandbox = sandbox(r#"job a { sh "python3 stubborn.py; echo the step itself ends" }"#);
    let _ = sandbox
        .gantry(["run", "--output", "plain"])
        .run()
        .expect_code(0);
    assert_nothing_left(sandbox.root());
}

#[test]
fn next_job_starts_although_the_last_one_left_a_daemon_that_holds_its_output() {
    let sandbox = sandbox(
        r#"
  job a { sh "python3 stubborn.py" }
  job b { needs = [a], sh "echo second job" }"#,
    );
    let finished = sandbox
        .gantry(["run", "--slots", "1", "--output", "plain"])
        .run();
    let _ = finished.expect_code(0).expect_text("second job");
    assert_nothing_left(sandbox.root());
}

#[test]
fn timeout_ends_the_tree() {
    let sandbox = sandbox(r#"job a { timeout = 2s, sh "exec python3 wait.py" }"#);
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .run()
        .expect_code(1);
    let _ = finished.expect_text("timed out");
    assert_nothing_left(sandbox.root());
}

#[test]
fn interrupt_ends_the_tree() {
    let sandbox = sandbox(
        r#"
  job a { sh "exec python3 wait.py"
    always { sh "echo always of a" } }
  finally { job last { sh "echo finally ran" } }"#,
    );
    let mut running = sandbox.gantry(["run", "--output", "plain"]).start();
    all_up(&mut running);
    running.signal(Signal::INT);
    let finished = running.wait().expect_code(130);
    let _ = finished.expect_text("canceled").expect_text("finally ran");
    assert_nothing_left(sandbox.root());
}

#[test]
fn second_interrupt_does_not_wait() {
    let sandbox = sandbox(
        r#"
  job a { sh "exec python3 wait.py" }
  finally { job last { sh "echo finally up; sleep 600" } }"#,
    );
    let mut running = sandbox.gantry(["run", "--output", "plain"]).start();
    all_up(&mut running);
    running.signal(Signal::INT);
    running.wait_for("finally up");
    running.signal(Signal::INT);
    let _ = running.wait().expect_code(130);
    assert_nothing_left(sandbox.root());
}

#[test]
fn termination_ends_the_tree() {
    let sandbox = sandbox(r#"job a { sh "exec python3 wait.py" }"#);
    let mut running = sandbox.gantry(["run", "--output", "plain"]).start();
    all_up(&mut running);
    running.signal(Signal::TERM);
    let _ = running.wait();
    assert_nothing_left(sandbox.root());
}

/// Nobody can catch this signal; the slots see the end of their socket.
#[test]
fn kill_of_gantry_leaves_nothing_behind() {
    let sandbox = sandbox(
        r#"
  job a { sh "exec python3 wait.py" }
  job b { sh "exec python3 wait.py" }"#,
    );
    let mut running = sandbox
        .gantry(["run", "--slots", "2", "--output", "plain"])
        .start();
    all_up(&mut running);
    running.signal(Signal::KILL);
    let _ = running.wait();
    assert_nothing_left(sandbox.root());
    // And the store is none the worse.
    sandbox.pipeline("pipeline p { job a { sh \"echo after the kill\" } }\n");
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .run()
        .expect_code(0);
    let _ = finished.expect_text("after the kill");
}

/// A slot that dies takes its job with it, and the run says so.
#[test]
fn kill_of_a_slot_is_reported_and_leaves_nothing_behind() {
    let sandbox = sandbox(r#"job a { sh "exec python3 wait.py" }"#);
    let mut running = sandbox.gantry(["run", "--output", "plain"]).start();
    all_up(&mut running);
    let slot = processes_of(sandbox.root())
        .into_iter()
        .find(|process| process.command.contains(" slot"))
        .expect("the step runs in a slot");
    let pid = rustix::process::Pid::from_raw(i32::try_from(slot.pid).expect("a pid"));
    rustix::process::kill_process(pid.expect("a pid"), Signal::KILL).expect("it is ours");
    let _ = running.wait().expect_code(1);
    assert_nothing_left(sandbox.root());
}
