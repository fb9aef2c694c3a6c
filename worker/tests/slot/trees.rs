//! When a step ends, all of it ends, whatever it does not to.

use crate::kit::{PATIENCE, Slot, job, script, sh};
use model::spec::{Shell, StepSpec};
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Does all that makes a process hard to end: it ignores what asks politely, forks, leaves its group and
/// its session, clears its environment, and holds the output open.
const STUBBORN: &str = r#"
import os, signal, sys, time
for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(s, signal.SIG_IGN)
def forever():
    while True:
        time.sleep(60)
def child(then):
    if os.fork() == 0:
        then()
        forever()
def daemon():
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    os.execve(sys.executable, [sys.executable, "-c", "import time\nwhile True: time.sleep(60)  # " + MARK], {})
child(lambda: None)
child(lambda: os.setpgid(0, 0))
child(daemon)
print("all up", flush=True)
"#;

/// A program that forks for ever: each process makes another one, and ends.
const RESTLESS: &str = r#"
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("all up", flush=True)
for _ in range(4):
    if os.fork() == 0:
        while True:
            if os.fork() != 0:
                os._exit(0)
            os.setsid()
            time.sleep(0.0005)
while True:
    time.sleep(60)
"#;

/// A text that is in the command line of every process of one test.
struct Mark(String);

impl Mark {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(format!("mark-{}-{number}", std::process::id()))
    }

    /// A step that runs this program, marked.
    fn python(&self, text: &str) -> StepSpec {
        script(Shell::Python, &format!("MARK = {:?}\n{text}", self.0))
    }

    /// How many processes there are.
    fn count(&self) -> usize {
        let marked = |pid: &fs::DirEntry| {
            let line = fs::read(pid.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&self.0)
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        all.filter(marked).count()
    }

    /// Nothing is left now.
    #[track_caller]
    fn assert_gone(&self) {
        assert_eq!(self.count(), 0, "processes are left");
    }

    /// Nothing is left soon: for what nobody tells when it is done.
    async fn until_gone(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.count() > 0 {
            assert!(Instant::now() < deadline, "processes are left");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn end_of_a_step_ends_what_it_left() {
    let mark = Mark::new();
    let mut slot = Slot::start().await;
    let done = slot
        .run(&job(vec![mark.python(STUBBORN), sh("echo next")]))
        .await;
    mark.assert_gone();
    insta::assert_snapshot!(done.shown(&slot), @r#"
    step 0: {"end":"succeeded"}
    step 1: {"end":"succeeded"}
    succeeded
    all up
    gantry: the step left processes running; ended
    next
    "#);
    slot.handle.close().await;
}

#[tokio::test]
async fn polite_ones_are_asked_first() {
    let mut slot = Slot::start().await;
    let step = sh(
        "(trap 'echo asked; exit' TERM; echo up > up; while :; do sleep 0.01; done) & while ! test -e up; do sleep 0.01; done",
    );
    let done = slot.run(&job(vec![step])).await;
    assert!(done.log.contains("asked"), "{}", done.log);
    slot.handle.close().await;
}

#[tokio::test]
async fn timeout_ends_the_tree() {
    let mark = Mark::new();
    let mut slot = Slot::start().await;
    let mut step = mark.python(&format!("{STUBBORN}forever()"));
    step.timeout_ms = Some(1500);
    let done = slot.run(&job(vec![step])).await;
    mark.assert_gone();
    assert_eq!(done.outcome.to_string(), "timed out: after 1500ms");
    slot.handle.close().await;
}

#[tokio::test]
async fn stop_ends_the_tree() {
    for program in [format!("{STUBBORN}forever()"), RESTLESS.to_owned()] {
        let mark = Mark::new();
        let mut slot = Slot::start().await;
        let lease = slot.send(&job(vec![mark.python(&program)])).await;
        slot.until_log(lease, "all up").await;
        assert!(mark.count() > 0);
        slot.stop(lease, Duration::from_millis(100)).await;
        let done = slot.done(lease).await;
        mark.assert_gone();
        assert_eq!(done.outcome.to_string(), "canceled: by a test");
        // The slot is as good as new.
        assert_eq!(slot.run(&job(vec![sh("echo next")])).await.log, "next\n");
        slot.handle.close().await;
    }
}

/// As when `gantry run` is killed: the line ends, and nobody is told anything.
#[tokio::test]
async fn end_of_the_worker_ends_the_tree() {
    let mark = Mark::new();
    let mut slot = Slot::start().await;
    let lease = slot
        .send(&job(vec![mark.python(&format!("{STUBBORN}forever()"))]))
        .await;
    slot.until_log(lease, "all up").await;
    drop(slot.handle);
    mark.until_gone().await;
}

#[tokio::test]
async fn close_ends_the_tree() {
    let mark = Mark::new();
    let mut slot = Slot::start().await;
    let lease = slot
        .send(&job(vec![mark.python(&format!("{STUBBORN}forever()"))]))
        .await;
    slot.until_log(lease, "all up").await;
    slot.handle.close().await;
    mark.assert_gone();
}

/// The worker is the subreaper above its slots: their processes come to it when a slot is killed.
#[tokio::test]
async fn death_of_the_slot_ends_the_tree() {
    let mark = Mark::new();
    let mut slot = Slot::start().await;
    let lease = slot
        .send(&job(vec![mark.python(&format!("{STUBBORN}forever()"))]))
        .await;
    slot.until_log(lease, "all up").await;
    let pid = i32::try_from(slot.handle.pid()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    while slot.news().await.is_ok() {}
    mark.assert_gone();
}

/// Nobody but its worker ends a slot.
#[tokio::test]
async fn a_slot_does_not_end_when_it_is_asked() {
    let mut slot = Slot::start().await;
    for signal in ["TERM", "INT", "HUP"] {
        let done = slot
            .run(&job(vec![sh(&format!("kill -{signal} $PPID; echo sent"))]))
            .await;
        assert_eq!(done.log, "sent\n");
    }
    slot.handle.close().await;
}

#[tokio::test]
async fn halted_processes_are_ended_too() {
    let mark = Mark::new();
    let mut slot = Slot::start().await;
    let text = "import os, signal\nos.kill(os.getppid() if False else os.getpid(), signal.SIGSTOP)";
    let lease = slot
        .send(&job(vec![
            mark.python(&format!("print('all up', flush=True)\n{text}")),
        ]))
        .await;
    slot.until_log(lease, "all up").await;
    slot.stop(lease, Duration::from_millis(100)).await;
    let _ = slot.done(lease).await;
    mark.assert_gone();
    slot.handle.close().await;
}
