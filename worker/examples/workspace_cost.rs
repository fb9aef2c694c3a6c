//! What snapshots and workspaces cost, on this machine and file system:
//!
//! ```text
//! cargo run --release -p worker --example workspace_cost -- [FILES]
//! ```
//!
//! CPU time is of the whole process, with what is deleted beside the jobs.

use model::spec::Sources;
use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use worker::{
    blobs::Blobs,
    snapshot::Snapshot,
    workspace::{Request, Source, Workspaces},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How many jobs are prepared and finished for one figure.
const N_JOBS: u32 = 2000;

/// How many files the large tree has, unless said otherwise.
const N_FILES: usize = 100_000;

fn main() -> Result<()> {
    let n_files = std::env::args().nth(1).map_or(Ok(N_FILES), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    let small = folder.path().join("small");
    make_tree(&small, 3)?;
    jobs(
        &folder.path().join("a"),
        &small,
        "3 files, nothing written",
        |_| Ok(()),
    )?;
    jobs(
        &folder.path().join("b"),
        &small,
        "3 files, one added",
        |root| fs::write(root.join("added"), "x"),
    )?;
    jobs(
        &folder.path().join("c"),
        &small,
        "3 files, one rewritten, HOME used",
        |root| {
            fs::write(root.join("0/file 0"), "y")?;
            fs::write(root.with_file_name("home").join("x"), "x")
        },
    )?;
    let large = folder.path().join("large");
    make_tree(&large, n_files)?;
    let store = folder.path().join("store");
    snapshots(&store, &large)?;
    jobs(
        &store,
        &large,
        &format!("{n_files} files, nothing written"),
        |_| Ok(()),
    )?;
    jobs(
        &store,
        &large,
        &format!("{n_files} files, one rewritten"),
        |root| fs::write(root.join("0/file 0"), "y"),
    )
}

fn snapshots(store: &Path, tree: &Path) -> Result<()> {
    let take = |what: &str| {
        let before = (Instant::now(), cpu());
        let snapshot = Snapshot::take(tree, &store.join("snapshots"), store)?;
        let (wall, cpu) = (before.0.elapsed(), cpu() - before.1);
        println!(
            "snapshot, {what:<40} {wall:>10.2?}   {cpu:>10.2?} CPU   {:?}",
            snapshot.origin()
        );
        Ok::<_, Box<dyn Error>>(snapshot)
    };
    drop(take("first")?);
    drop(take("nothing changed")?);
    fs::write(tree.join("0/file 0"), "changed")?;
    let held = take("one file changed")?;
    fs::write(tree.join("0/file 0"), "changed again")?;
    drop(take("one file changed, the last one in use")?);
    drop(held);
    Ok(())
}

fn jobs(
    store: &Path,
    tree: &Path,
    what: &str,
    step: impl Fn(&Path) -> std::io::Result<()>,
) -> Result<()> {
    let snapshot = Snapshot::take(tree, &store.join("snapshots"), store)?;
    let blobs = Blobs::new(store.join("blobs"), false);
    let mut workspaces = Workspaces::new(store.join("work"), blobs);
    let source = Source::Snapshot(snapshot.path().to_owned());
    let sources = Sources {
        checkout: true,
        ..Sources::default()
    };
    let before = (Instant::now(), cpu());
    let mut in_steps = Duration::ZERO;
    for n in 0..N_JOBS {
        let workspace = workspaces.prepare(&Request {
            key: &format!("job_{n}"),
            source: &source,
            sources: &sources,
        })?;
        let step_since = cpu();
        step(workspace.root())?;
        in_steps += cpu() - step_since;
        workspaces.finish(workspace, false);
    }
    let (wall, cpu) = (
        before.0.elapsed() / N_JOBS,
        (cpu() - before.1 - in_steps) / N_JOBS,
    );
    println!("job, {what:<45} {wall:>10.2?}   {cpu:>10.2?} CPU");
    Ok(())
}

/// A git working tree of files of 1 KiB, a hundred in a folder.
fn make_tree(tree: &Path, n_files: usize) -> Result<()> {
    for n in 0..n_files {
        let path = tree.join(PathBuf::from(format!("{}/file {n}", n / 100)));
        if n % 100 == 0 {
            fs::create_dir_all(path.parent().unwrap_or(tree))?;
        }
        fs::write(path, [b'x'; 1024])?;
    }
    for args in [&["init", "-q"][..], &["add", "-A"][..]] {
        let status = Command::new("git").args(args).current_dir(tree).status()?;
        assert!(status.success(), "git {args:?}");
    }
    Ok(())
}

#[cfg(unix)]
fn cpu() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Not measured here.
#[cfg(windows)]
fn cpu() -> Duration {
    Duration::ZERO
}
