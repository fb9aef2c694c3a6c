//! What a job costs through a session: no-op jobs in a tree of three files, from `Assign` to
//! `Finished`, beside the same `sh` started and waited for by as many threads.
//!
//! ```text
//! cargo run --release -p worker --example session_cost -- [SLOTS [JOBS]]
//! ```

use model::spec::{Action, Hooks, JobSpec, Place, Shell, Sources, StepRetry, StepSpec};
use protocol::{
    PROTOCOL_VERSION,
    link::in_memory,
    v1::{Acknowledge, Assign, Lease, Source, Welcome, source, to_runner::Body},
};
use std::{
    error::Error,
    fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};
use worker::{
    Dirs,
    executor::base_environment,
    session::{WorkerConfig, serve},
    snapshot::Snapshot,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How often both are measured, in turns, since a machine's speed changes from minute to minute.
const ROUNDS: usize = 5;

/// How many jobs are assigned ahead, per slot.
const PREFETCH: u32 = 1;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let first = args.next();
    if first.as_deref() == Some("slot") {
        return worker::slot::main();
    }
    let number = |text: Option<String>, default: u32| {
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    match measure(number(first, 2), number(args.next(), 1000)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(n_slots: u32, n_jobs: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tree = folder.path().join("tree");
    fs::create_dir(&tree)?;
    for name in ["a", "b", "c"] {
        fs::write(tree.join(name), name)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for _ in 0..ROUNDS {
        let limit = spawn_limit(n_slots, n_jobs)?;
        let times = runtime.block_on(session(folder.path(), &tree, n_slots, n_jobs))?;
        println!(
            "{:>7.1?} a job, {:>7.1?} a bare `sh`: {:.2} times; first job after {:.1?}, end {:.1?}",
            times.jobs / n_jobs,
            limit / n_jobs,
            times.jobs.as_secs_f64() / limit.as_secs_f64(),
            times.first,
            times.end
        );
    }
    Ok(())
}

/// The same number of shells from as many threads.
fn spawn_limit(n_threads: u32, n_jobs: u32) -> Result<Duration> {
    let since = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                for _ in 0..n_jobs / n_threads {
                    let mut shell = Command::new("sh");
                    shell.args(["-eu", "-c", "true"]).stdout(Stdio::piped());
                    shell.output().expect("a shell");
                }
            });
        }
    });
    Ok(since.elapsed())
}

struct Times {
    /// From the start of the worker to the end of its first job.
    first: Duration,
    /// All further jobs.
    jobs: Duration,
    /// From the runner's leaving to the worker's end.
    end: Duration,
}

async fn session(store: &Path, tree: &Path, n_slots: u32, n_jobs: u32) -> Result<Times> {
    let dirs = Dirs::below(store);
    let since = Instant::now();
    let snapshot = Snapshot::take(tree, &dirs.snapshots, store)?;
    let (mut runner, link) = in_memory();
    let worker = tokio::spawn(serve(
        WorkerConfig {
            name: "desk".to_owned(),
            labels: Vec::new(),
            facts: std::collections::BTreeMap::new(),
            dirs,
            logs: store.join("logs"),
            slots: store.join("slots"),
            n_slots,
            n_prefetch: n_slots * PREFETCH,
            durable: false,
            program: std::env::current_exe()?,
            args: vec!["slot".into()],
            stop_grace: Duration::from_secs(1),
            env: base_environment(),
        },
        link,
    ));
    let welcome = Welcome {
        protocol: PROTOCOL_VERSION,
        heartbeat_ms: 5000,
    };
    runner.tx.send(welcome.into()).await?;
    let source = snapshot.path().to_str().ok_or("a path that is no text")?;
    let assign = |job: u32| Assign {
        lease: Some(Lease {
            run: 1,
            job,
            attempt: 1,
            token: u64::from(job) + 1,
        }),
        spec: Some((&spec(job)).into()),
        source: Some(Source {
            kind: Some(source::Kind::Snapshot(source.to_owned())),
        }),
        ..Assign::default()
    };
    let (mut first, mut jobs_since) = (None, since);
    let mut n_assigned = 0;
    let mut n_open = 0;
    let mut n_finished = 0;
    while n_finished <= n_jobs {
        // The first job alone, and then as many as the worker holds.
        let n_most = if first.is_some() {
            n_slots * (1 + PREFETCH)
        } else {
            1
        };
        while n_open < n_most && n_assigned <= n_jobs {
            runner.tx.send(assign(n_assigned).into()).await?;
            n_assigned += 1;
            n_open += 1;
        }
        let message = runner.rx.recv().await.ok_or("the worker is gone")?;
        if let Some(Body::Finished(finished)) = message.body {
            let lease = finished.lease;
            runner.tx.send(Acknowledge { lease }.into()).await?;
            n_finished += 1;
            n_open -= 1;
            if first.is_none() {
                first = Some(since.elapsed());
                jobs_since = Instant::now();
            }
        }
    }
    let jobs = jobs_since.elapsed();
    let end_since = Instant::now();
    drop(runner);
    worker.await??;
    Ok(Times {
        first: first.unwrap_or_default(),
        jobs,
        end: end_since.elapsed(),
    })
}

fn spec(job: u32) -> JobSpec {
    JobSpec {
        name: format!("job_{job}"),
        workspace: format!("job_{job}"),
        sources: Sources {
            checkout: true,
            ..Sources::default()
        },
        env: Vec::new(),
        dir: None,
        timeout_ms: None,
        steps: vec![StepSpec {
            name: "true".to_owned(),
            place: Place { line: 1, column: 1 },
            action: Action::Script {
                shell: Shell::Sh,
                text: "true".to_owned(),
            },
            env: Vec::new(),
            dir: None,
            timeout_ms: None,
            retry: StepRetry::default(),
            exit_codes: Vec::new(),
            allow_failure: false,
            skip: None,
        }],
        hooks: Hooks::default(),
        outputs: Vec::new(),
        produces: Vec::new(),
    }
}
