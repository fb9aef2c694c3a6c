//! How many jobs per second slots run, and how fast they take output, beside what the machine can do:
//!
//! ```text
//! cargo run --release -p worker --example slot_throughput -- [SLOTS [JOBS]]
//! ```
//!
//! Every job is a `sh` that says `true`, in a workspace without a source tree. The limit is the same
//! `sh` started and waited for by as many threads. Both are repeated in turns, since a machine's speed
//! changes from minute to minute.

use model::spec::{Action, Hooks, JobSpec, Place, Shell, Sources, StepRetry, StepSpec};
use protocol::v1::{Assign, Lease, ToRunner, to_runner};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use worker::Dirs;
use worker::executor::base_environment;
use worker::slot::Config;
use worker::slot::client::{SlotCommand, SlotHandle, SlotReport};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How often each measurement is repeated.
const ROUNDS: usize = 5;

/// How much the step of the second measurement prints.
const OUTPUT_BYTES: u64 = 1_000_000_000;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let first = args.next();
    if first.as_deref() == Some("slot") {
        return worker::slot::main();
    }
    let number = |text: Option<String>, default: usize| {
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

fn measure(n_slots: usize, n_jobs: usize) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("slot-throughput-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(async {
        let mut slots = Vec::new();
        for n in 0..n_slots {
            slots.push(slot(&folder, n).await?);
        }
        println!("{n_jobs} jobs, {n_slots} slots, ms per job");
        println!("{:>8} {:>8} {:>8}", "slot", "limit", "ratio");
        for _ in 0..ROUNDS {
            let since = Instant::now();
            jobs(&mut slots, n_jobs, "true").await?;
            let ours = since.elapsed().as_secs_f64();
            let since = Instant::now();
            limit(n_slots, n_jobs)?;
            let limit = since.elapsed().as_secs_f64();
            let per_job = 1e3 / n_jobs as f64;
            println!(
                "{:8.3} {:8.3} {:8.2}",
                ours * per_job,
                limit * per_job,
                ours / limit
            );
        }
        println!("{OUTPUT_BYTES} bytes printed by a step, GB/s");
        println!("{:>8} {:>8} {:>8}", "slot", "> file", "ratio");
        let script = format!("head -c {OUTPUT_BYTES} /dev/zero");
        for _ in 0..ROUNDS {
            let since = Instant::now();
            jobs(&mut slots[..1], 1, &script).await?;
            let ours = since.elapsed().as_secs_f64();
            let file = folder.join("direct");
            let since = Instant::now();
            let mut command = shell(&script);
            command.stdout(std::fs::File::create(&file)?);
            command.status()?;
            let direct = since.elapsed().as_secs_f64();
            std::fs::remove_file(&file)?;
            let speed = OUTPUT_BYTES as f64 / 1e9;
            println!(
                "{:8.2} {:8.2} {:8.2}",
                speed / ours,
                speed / direct,
                direct / ours
            );
        }
        for slot in slots {
            slot.close().await;
        }
        Ok(())
    });
    std::fs::remove_dir_all(&folder)?;
    done
}

async fn slot(folder: &Path, n: usize) -> Result<SlotHandle> {
    let config = Config {
        folder: folder.join(format!("slot-{n}")),
        logs: folder.join("logs"),
        dirs: Dirs::below(folder),
        env: base_environment(),
        durable: false,
    };
    Ok(SlotHandle::spawn(&std::env::current_exe()?, &["slot"], &config).await?)
}

/// Runs jobs on all slots, each getting the next one when it has ended the last.
async fn jobs(slots: &mut [SlotHandle], n_jobs: usize, script: &str) -> Result<()> {
    let mut shares: Vec<Vec<usize>> = vec![Vec::new(); slots.len()];
    for job in 0..n_jobs {
        shares[job % slots.len()].push(job);
    }
    let mut running: Vec<_> = slots
        .iter_mut()
        .zip(shares)
        .map(|(slot, share)| Box::pin(share_of(slot, share, script)))
        .collect();
    std::future::poll_fn(|context| {
        let mut failed = None;
        running.retain_mut(|share| match share.as_mut().poll(context) {
            std::task::Poll::Pending => true,
            std::task::Poll::Ready(Ok(())) => false,
            std::task::Poll::Ready(Err(error)) => {
                failed = Some(error);
                false
            }
        });
        match failed {
            Some(error) => std::task::Poll::Ready(Err(error)),
            None if running.is_empty() => std::task::Poll::Ready(Ok(())),
            None => std::task::Poll::Pending,
        }
    })
    .await
}

async fn share_of(slot: &mut SlotHandle, share: Vec<usize>, script: &str) -> Result<()> {
    for job in share {
        slot.send(SlotCommand::Start(Box::new(assign(job, script))))
            .await?;
        loop {
            let SlotReport::News(ToRunner { body: Some(body) }) = slot.recv().await? else {
                continue;
            };
            if let to_runner::Body::Finished(finished) = body {
                let outcome = model::Outcome::try_from(finished.outcome.unwrap_or_default())?;
                if !outcome.is_success() {
                    return Err(outcome.to_string().into());
                }
                break;
            }
        }
    }
    Ok(())
}

fn assign(job: usize, script: &str) -> Assign {
    let step = StepSpec {
        name: script.to_owned(),
        place: Place::default(),
        action: Action::Script {
            shell: Shell::Sh,
            text: script.to_owned(),
        },
        env: Vec::new(),
        dir: None,
        timeout_ms: None,
        retry: StepRetry::default(),
        exit_codes: Vec::new(),
        allow_failure: false,
        skip: None,
    };
    let spec = JobSpec {
        name: format!("job{job}"),
        workspace: format!("p/job{job}"),
        sources: Sources::default(),
        env: Vec::new(),
        dir: None,
        timeout_ms: None,
        steps: vec![step],
        hooks: Hooks::default(),
        outputs: Vec::new(),
        produces: Vec::new(),
    };
    Assign {
        lease: Some(Lease {
            run: 1,
            job: u32::try_from(job).unwrap_or(u32::MAX),
            attempt: 1,
            token: 1,
        }),
        lease_ms: 0,
        prefetch: false,
        spec: Some((&spec).into()),
        secrets: BTreeMap::new(),
        source: None,
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-eu", "-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// The same scripts without Gantry.
fn limit(n_threads: usize, n_jobs: usize) -> Result<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..n_jobs / n_threads {
                        shell("true").status()?;
                    }
                    Ok::<(), std::io::Error>(())
                })
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| "a thread has panicked")??;
        }
        Ok(())
    })
}
