//! Workspaces: what lies in them, what jobs can do to them, and that nothing else is ever touched.

use crate::kit::{Kit, fingerprint, git, list, message, whole};
use model::spec::Sources;
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use worker::workspace::{Request, Source, sweep};

/// Enough files for an overlay, where the system has them.
fn many() -> Vec<String> {
    let mut files: Vec<_> = (0..100).map(|n| format!("dir{}/file{n}", n % 7)).collect();
    files.extend(["a".to_owned(), "b".to_owned()]);
    files
}

fn kit(is_large: bool) -> Kit {
    match is_large {
        true => {
            let files = many();
            Kit::git(&files.iter().map(String::as_str).collect::<Vec<_>>())
        }
        false => Kit::git(&["a", "b", "dir/c"]),
    }
}

/// Everything that a step can do to files.
fn ravage(root: &Path) {
    let mut files = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => waiting.push(path),
                false => files.push(path),
            }
        }
    }
    assert!(files.len() > 2);
    for (n, path) in files.iter().enumerate() {
        let open = || OpenOptions::new().write(true).open(path).unwrap();
        OpenOptions::new()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(b"more")
            .unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        open().write_all(b"over").unwrap();
        open().set_len(1).unwrap();
        open().set_modified(std::time::UNIX_EPOCH).unwrap();
        match n % 3 {
            0 => fs::remove_file(path).unwrap(),
            1 => {
                let other = path.with_extension("other");
                fs::write(&other, "other").unwrap();
                fs::rename(other, path).unwrap();
            }
            _ => rustix::fs::link(path, path.with_extension("second")).unwrap(),
        }
    }
}

#[test]
fn whatever_steps_do_the_author_s_tree_and_the_snapshot_stay() {
    for is_large in [false, true] {
        let kit = kit(is_large);
        kit.settle();
        let snapshot = kit.snapshot();
        let before = (fingerprint(&kit.tree), fingerprint(snapshot.path()));
        let expected = list(&snapshot.path().join("tree"));
        let mut workspaces = kit.workspaces();
        for _ in 0..3 {
            let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
            assert_eq!(list(workspace.root()), expected);
            ravage(workspace.root());
            workspaces.finish(workspace, false);
        }
        drop(workspaces);
        assert!(before == (fingerprint(&kit.tree), fingerprint(snapshot.path())));
    }
}

#[test]
fn files_keep_their_times() {
    for is_large in [false, true] {
        let kit = kit(is_large);
        let snapshot = kit.snapshot();
        let mut workspaces = kit.workspaces();
        let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
        let time = |root: &Path| fs::metadata(root.join("a")).unwrap().modified().unwrap();
        assert_eq!(time(workspace.root()), time(&kit.tree));
    }
}

/// Until nothing is left in `work/`; the thread of an ended slot may still be deleting.
fn wait_until_swept(kit: &Kit) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        sweep(&kit.dirs.work, || true).unwrap();
        let mut left = fs::read_dir(&kit.dirs.work)
            .unwrap()
            .chain(fs::read_dir(kit.dirs.work.join(".trash")).unwrap())
            .map(|entry| entry.unwrap().file_name());
        match left.find(|name| name != ".trash") {
            None => return,
            Some(name) => assert!(Instant::now() < deadline, "{name:?} is left"),
        }
    }
}

#[track_caller]
fn check_mended(change: impl Fn(&Path)) {
    let kit = kit(false);
    let snapshot = kit.snapshot();
    let expected = list(&kit.tree);
    let mut workspaces = kit.workspaces();
    for _ in 0..2 {
        let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
        assert_eq!(list(workspace.root()), expected);
        assert_eq!(list(workspace.home()), "");
        assert_eq!(list(workspace.tmp()), "");
        change(workspace.root());
        workspaces.finish(workspace, false);
    }
    let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
    assert_eq!(list(workspace.root()), expected);
}

#[test]
fn the_next_job_finds_nothing_of_the_last_one() {
    check_mended(|_| {});
    check_mended(|root| fs::write(root.join("new"), "x").unwrap());
    check_mended(|root| fs::create_dir_all(root.join("deep/er/still")).unwrap());
    check_mended(|root| fs::remove_file(root.join("a")).unwrap());
    check_mended(|root| fs::remove_dir_all(root.join("dir")).unwrap());
    check_mended(|root| {
        fs::remove_dir_all(root.join("dir")).unwrap();
        fs::write(root.join("dir"), "a file").unwrap();
    });
    check_mended(|root| {
        fs::remove_dir_all(root.join("dir")).unwrap();
        symlink("/etc", root.join("dir")).unwrap();
    });
    check_mended(|root| {
        fs::remove_file(root.join("a")).unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
    });
    check_mended(|root| {
        fs::remove_file(root.join("a")).unwrap();
        symlink("b", root.join("a")).unwrap();
    });
    check_mended(|root| fs::rename(root.join("a"), root.join("dir/moved")).unwrap());
    check_mended(|root| {
        fs::rename(root.join("a"), root.join("x")).unwrap();
        fs::rename(root.join("b"), root.join("a")).unwrap();
        fs::rename(root.join("x"), root.join("b")).unwrap();
    });
    let mode = |path: PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    check_mended(|root| mode(root.join("a"), 0o600));
    check_mended(|root| mode(root.join("dir"), 0o500));
    check_mended(|root| mode(root.to_owned(), 0o700));
    check_mended(|root| {
        fs::write(root.with_file_name("home").join(".config"), "x").unwrap();
        fs::create_dir(root.with_file_name("tmp").join("x")).unwrap();
        mode(root.with_file_name("tmp"), 0o755);
    });
    // The same length and the same time as before.
    check_mended(|root| {
        let file = File::options().write(true).open(root.join("a")).unwrap();
        let time = file.metadata().unwrap().modified().unwrap();
        (&file).write_all(b"X").unwrap();
        file.set_modified(time).unwrap();
    });
    // Under another name in the same folder, over its own.
    check_mended(|root| {
        let (a, old) = (root.join("a"), fs::metadata(root.join("a")).unwrap());
        fs::write(root.join("x"), "Y").unwrap();
        File::options()
            .write(true)
            .open(root.join("x"))
            .unwrap()
            .set_modified(old.modified().unwrap())
            .unwrap();
        fs::rename(root.join("x"), a).unwrap();
    });
}

#[test]
fn a_job_has_one_path_and_a_second_one_a_numbered_path() {
    let kit = kit(false);
    let snapshot = kit.snapshot();
    let (mut first, mut second) = (kit.workspaces(), kit.workspaces());
    let path = kit.dirs.work.join("job/tree");
    for _ in 0..2 {
        let one = kit.prepare(&mut first, "job", &snapshot);
        assert_eq!(one.root(), path);
        let two = kit.prepare(&mut second, "job", &snapshot);
        assert_eq!(two.root(), kit.dirs.work.join("job@2/tree"));
        first.finish(one, false);
        second.finish(two, false);
    }
    let one = kit.prepare(&mut second, "job", &snapshot);
    assert_eq!(one.root(), path);
}

#[test]
fn what_a_failed_job_left_stays_until_its_next_run() {
    for is_large in [false, true] {
        let kit = kit(is_large);
        let snapshot = kit.snapshot();
        let mut workspaces = kit.workspaces();
        let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
        let root = workspace.root().to_owned();
        fs::write(root.join("a"), "as it was").unwrap();
        assert_eq!(workspaces.finish(workspace, true), Some(root.clone()));
        assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "as it was");
        let other = kit.prepare(&mut workspaces, "other", &snapshot);
        workspaces.finish(other, false);
        assert!(root.join("a").exists());
        let again = kit.prepare(&mut workspaces, "job", &snapshot);
        assert_eq!(again.root(), root);
        assert_eq!(list(&root), list(&kit.tree));
    }
}

#[test]
fn nothing_is_left_at_the_end() {
    for is_large in [false, true] {
        let kit = kit(is_large);
        let snapshot = kit.snapshot();
        let mut workspaces = kit.workspaces();
        for name in ["one", "two"] {
            let workspace = kit.prepare(&mut workspaces, name, &snapshot);
            fs::create_dir_all(workspace.root().join("target/debug")).unwrap();
            fs::write(workspace.root().join("target/debug/x"), "x").unwrap();
            let closed = fs::Permissions::from_mode(0o0);
            fs::set_permissions(workspace.root().join("target"), closed).unwrap();
            // An overlay is mounted where only this thread sees it.
            let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
            assert!(!mounts.contains(kit.dirs.work.to_str().unwrap()));
            workspaces.finish(workspace, false);
        }
        drop(workspaces);
        wait_until_swept(&kit);
    }
}

#[test]
fn what_a_crash_left_is_replaced() {
    let kit = kit(false);
    let snapshot = kit.snapshot();
    let left = kit.dirs.work.join("job");
    for make in [
        (|left: &Path| fs::create_dir_all(left.join("tree/x")).unwrap()) as fn(&Path),
        |left| fs::create_dir_all(left).unwrap(),
        |left| fs::write(left, "a file").unwrap(),
        |left| symlink("/etc", left).unwrap(),
    ] {
        fs::create_dir_all(&kit.dirs.work).unwrap();
        make(&left);
        let mut workspaces = kit.workspaces();
        let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
        assert_eq!(workspace.root(), left.join("tree"));
        assert_eq!(list(workspace.root()), list(&kit.tree));
        workspaces.finish(workspace, false);
    }
}

#[test]
fn inputs_are_all_there_is() {
    let kit = Kit::git(&[
        "Cargo.toml",
        "src/lib.rs",
        "src/deep/x.rs",
        "docs/a.md",
        "README",
    ]);
    let snapshot = kit.snapshot();
    let source = Source::Snapshot(snapshot.path().to_owned());
    let mut workspaces = kit.workspaces();
    let mut check = |inputs: &[&str], expected: &[&str]| {
        let sources = Sources {
            inputs: Some(inputs.iter().map(|glob| (*glob).to_owned()).collect()),
            ..whole()
        };
        let workspace = workspaces
            .prepare(&Request {
                key: "job",
                source: &source,
                sources: &sources,
            })
            .unwrap();
        let listed = list(workspace.root());
        let files: Vec<_> = listed
            .lines()
            .map(|line| line.split_once(' ').unwrap().0)
            .collect();
        assert_eq!(files, expected, "{inputs:?}");
        let warnings = workspace.warnings().join("\n");
        workspaces.finish(workspace, false);
        warnings
    };
    assert_eq!(
        check(
            &["src/**", "Cargo.*"],
            &[
                "Cargo.toml",
                "src/",
                "src/deep/",
                "src/deep/x.rs",
                "src/lib.rs"
            ]
        ),
        ""
    );
    assert_eq!(check(&["src/*.rs"], &["src/", "src/lib.rs"]), "");
    assert_eq!(check(&["docs/"], &["docs/", "docs/a.md"]), "");
    assert_eq!(
        check(
            &["**/*.rs"],
            &["src/", "src/deep/", "src/deep/x.rs", "src/lib.rs"]
        ),
        ""
    );
    assert_eq!(check(&[], &[]), "");
    insta::assert_snapshot!(check(&["README", "none/**"], &["README"]), @"`inputs` names `none/**`, which matches no file");
}

#[test]
fn without_a_checkout_it_is_empty() {
    let kit = kit(false);
    let snapshot = kit.snapshot();
    let mut workspaces = kit.workspaces();
    for source in [Source::None, Source::Snapshot(snapshot.path().to_owned())] {
        for _ in 0..2 {
            let workspace = workspaces
                .prepare(&Request {
                    key: "job",
                    source: &source,
                    sources: &Sources::default(),
                })
                .unwrap();
            assert_eq!(list(workspace.root()), "");
            fs::create_dir(workspace.root().join("x")).unwrap();
            workspaces.finish(workspace, false);
        }
    }
}

#[test]
fn the_author_s_own_tree_where_that_is_asked_for() {
    let kit = kit(false);
    let source = Source::InPlace(kit.tree.clone());
    let mut workspaces = kit.workspaces();
    let workspace = workspaces
        .prepare(&Request {
            key: "job",
            source: &source,
            sources: &whole(),
        })
        .unwrap();
    assert_eq!(workspace.root(), kit.tree);
    assert!(workspace.home().starts_with(&kit.dirs.work));
    fs::write(kit.tree.join("made"), "x").unwrap();
    workspaces.finish(workspace, true);
    assert!(kit.tree.join("made").exists());
}

#[test]
fn a_mount_that_a_step_left_is_not_followed() {
    let kit = kit(false);
    let snapshot = kit.snapshot();
    let precious = tempfile::tempdir().unwrap();
    fs::write(precious.path().join("file"), "precious").unwrap();
    let mut workspaces = kit.workspaces();
    let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
    let point = workspace.root().join("mnt");
    fs::create_dir(&point).unwrap();
    if rustix::mount::mount_bind(precious.path(), &point).is_err() {
        // Only root can.
        return;
    }
    workspaces.finish(workspace, false);
    let next = kit.prepare(&mut workspaces, "job", &snapshot);
    assert_eq!(list(next.root()), list(&kit.tree));
    drop(workspaces);
    let kept = fs::read_to_string(precious.path().join("file"));
    for entry in fs::read_dir(kit.dirs.work.join(".trash"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let _ = rustix::mount::unmount(
            entry.path().join("tree/mnt"),
            rustix::mount::UnmountFlags::DETACH,
        );
        let _ = rustix::mount::unmount(entry.path(), rustix::mount::UnmountFlags::DETACH);
    }
    assert_eq!(kept.unwrap(), "precious");
}

#[test]
fn a_tree_deeper_than_open_files_are_allowed_is_taken_away() {
    let kit = Kit::plain(&["a"]);
    let snapshot = kit.snapshot();
    let mut workspaces = kit.workspaces();
    let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
    // Longer than a path may be: made from the inside.
    let mut dir = rustix::fs::open(
        workspace.root(),
        rustix::fs::OFlags::DIRECTORY,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    for _ in 0..3000 {
        rustix::fs::mkdirat(&dir, "d", rustix::fs::Mode::RWXU).unwrap();
        dir = rustix::fs::openat(
            &dir,
            "d",
            rustix::fs::OFlags::DIRECTORY,
            rustix::fs::Mode::empty(),
        )
        .unwrap();
    }
    drop(dir);
    workspaces.finish(workspace, false);
    let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
    assert_eq!(list(workspace.root()), "a 644 a");
    workspaces.finish(workspace, false);
    drop(workspaces);
    wait_until_swept(&kit);
}

#[test]
fn a_snapshot_that_is_gone_is_said() {
    let kit = kit(false);
    let source = Source::Snapshot(kit.store.join("nowhere"));
    let error = kit
        .workspaces()
        .prepare(&Request {
            key: "job",
            source: &source,
            sources: &whole(),
        })
        .unwrap_err();
    let text = message(&error).replace(kit.store.to_str().unwrap(), "STORE");
    insta::assert_snapshot!(text, @"can't read the snapshot of the source tree STORE/nowhere: No such file or directory (os error 2)");
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let kit = Kit::plain(&[]);
    kit.write("large", vec![b'x'; 3 << 20]);
    let snapshot = kit.snapshot();
    let small = tempfile::tempdir().unwrap();
    let flags = rustix::mount::MountFlags::empty();
    if rustix::mount::mount("tmpfs", small.path(), "tmpfs", flags, c"size=1m").is_err() {
        // Only root can.
        return;
    }
    let mut workspaces =
        worker::workspace::Workspaces::new(small.path().join("work"), kit.blobs.clone());
    let source = Source::Snapshot(snapshot.path().to_owned());
    let error = workspaces
        .prepare(&Request {
            key: "job",
            source: &source,
            sources: &whole(),
        })
        .unwrap_err();
    let text = message(&error);
    drop(workspaces);
    let left = list(&small.path().join("work"));
    rustix::mount::unmount(small.path(), rustix::mount::UnmountFlags::DETACH).unwrap();
    assert!(
        text.ends_with("No space left on device (os error 28)"),
        "{text}"
    );
    assert!(!left.contains("large"), "{left}");
}

#[test]
fn links_and_modes_are_those_of_the_tree() {
    let kit = Kit::git(&["run", "dir/x"]);
    fs::set_permissions(kit.tree.join("run"), fs::Permissions::from_mode(0o775)).unwrap();
    symlink("../nowhere", kit.tree.join("link")).unwrap();
    git(&kit.tree, &["add", "-A"]);
    let snapshot = kit.snapshot();
    let mut workspaces = kit.workspaces();
    let workspace = kit.prepare(&mut workspaces, "job", &snapshot);
    assert_eq!(list(workspace.root()), list(&kit.tree));
    let links = |path: &str| fs::metadata(workspace.root().join(path)).unwrap().nlink();
    assert_eq!((links("run"), links("dir/x")), (1, 1));
}
