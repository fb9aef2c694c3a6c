//! What a snapshot has, and what the next one costs.

use crate::kit::{Kit, fingerprint, git, list};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::Path,
};
use worker::snapshot::{Origin, Snapshot, sweep};

fn tree(snapshot: &Snapshot) -> String {
    list(&snapshot.path().join("tree"))
}

#[test]
fn a_repository_s_files_as_they_lie_there() {
    let kit = Kit::git(&["a", "deleted", "dir/b", "changed"]);
    kit.write("changed", "not committed");
    kit.write("new", "not added");
    kit.write(".gitignore", "ignored\ntarget/\n");
    kit.write("ignored", "");
    kit.write("target/debug/x", "");
    fs::remove_file(kit.tree.join("deleted")).unwrap();
    fs::set_permissions(kit.tree.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("dir/b", kit.tree.join("link")).unwrap();
    symlink("/nowhere", kit.tree.join("dangling")).unwrap();
    insta::assert_snapshot!(tree(&kit.snapshot()), @r"
    .gitignore 644 ignored\ntarget/\n
    a 755 a
    changed 644 not committed
    dangling -> /nowhere
    dir/ 755
    dir/b 644 dir/b
    link -> dir/b
    new 644 not added
    ");
}

#[test]
fn strange_names_are_names() {
    let kit = Kit::git(&[
        " a b",
        "quote\"'`$x",
        "new\nline",
        "ünïcödé",
        "-rf",
        "tab\t",
    ]);
    kit.write(OsStr::from_bytes(b"not utf-8 \xff"), "x");
    kit.write("a\\b", "x");
    insta::assert_snapshot!(tree(&kit.snapshot()), @r#"
     a b 644  a b
    -rf 644 -rf
    \xc3\xbcn\xc3\xafc\xc3\xb6d\xc3\xa9 644 \xc3\xbcn\xc3\xafc\xc3\xb6d\xc3\xa9
    a\\b 644 x
    new\nline 644 new\nline
    not utf-8 \xff 644 x
    quote\"\'`$x 644 quote\"\'`$x
    tab\t 644 tab\t
    "#);
}

#[test]
fn a_folder_that_became_a_link_is_a_link() {
    let kit = Kit::git(&["dir/a", "other/a"]);
    fs::remove_dir_all(kit.tree.join("dir")).unwrap();
    symlink("other", kit.tree.join("dir")).unwrap();
    insta::assert_snapshot!(tree(&kit.snapshot()), @r"
    dir -> other
    other/ 755
    other/a 644 other/a
    ");
}

#[test]
fn submodules_and_inner_repositories_are_their_files() {
    let kit = Kit::git(&["a"]);
    let other = Kit::git(&["inner"]);
    other.run_git(&["commit", "-qm", "x"]);
    let url = other.tree.to_str().unwrap();
    kit.run_git(&["submodule", "--quiet", "add", url, "module"]);
    kit.write("module/new", "not added");
    fs::create_dir(kit.tree.join("untracked")).unwrap();
    git(&kit.tree.join("untracked"), &["init", "-q"]);
    kit.write("untracked/x", "x");
    let listed = tree(&kit.snapshot());
    let names: Vec<_> = listed
        .lines()
        .filter(|line| !line.starts_with(".gitm"))
        .collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    a 644 a
    module/ 755
    module/inner 644 inner
    module/new 644 not added
    untracked/ 755
    untracked/x 644 x
    ");
}

#[test]
fn without_a_repository_all_but_the_store() {
    let kit = Kit::plain(&["a", "dir/b"]);
    fs::create_dir_all(kit.tree.join("empty/inner")).unwrap();
    let store = kit.tree.join("store");
    let first = Snapshot::take(&kit.tree, &store.join("snapshots"), &store).unwrap();
    let expected = "a 644 a\ndir/ 755\ndir/b 644 dir/b\nempty/ 755\nempty/inner/ 755";
    assert_eq!(tree(&first), expected);
    kit.settle();
    drop(first);
    let second = Snapshot::take(&kit.tree, &store.join("snapshots"), &store).unwrap();
    assert_eq!(tree(&second), expected);
}

#[test]
fn a_hook_s_environment_and_the_user_s_settings_change_nothing() {
    let kit = Kit::git(&["a"]);
    // A repository's own settings may name programs; none of them is run.
    kit.run_git(&["config", "core.fsmonitor", "touch ran; false"]);
    kit.run_git(&["config", "core.hooksPath", "/nowhere"]);
    assert_eq!(tree(&kit.snapshot()), "a 644 a");
}

#[test]
fn what_is_unreadable_is_named() {
    if rustix::process::geteuid().is_root() {
        // Root can read everything.
        return;
    }
    let kit = Kit::git(&["a"]);
    fs::set_permissions(kit.tree.join("a"), fs::Permissions::from_mode(0o0)).unwrap();
    let error = Snapshot::take(&kit.tree, &kit.dirs.snapshots, &kit.store).unwrap_err();
    assert!(error.to_string().contains("`a`"), "{error}");
}

#[test]
fn a_pipe_is_left_out_with_a_word() {
    let kit = Kit::plain(&["a"]);
    let path = kit.tree.join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let snapshot = kit.snapshot();
    assert_eq!(tree(&snapshot), "a 644 a");
    insta::assert_snapshot!(snapshot.warnings().join("\n"), @"`pipe` is neither file, folder nor link, and no job gets it");
}

#[test]
fn nothing_changed_costs_nothing() {
    let kit = Kit::git(&["a", "b"]);
    kit.settle();
    let first = kit.snapshot();
    assert_eq!(first.origin(), Origin::New { n_copied: 2 });
    assert_eq!((first.n_files(), first.n_bytes()), (2, 2));
    let second = kit.snapshot();
    assert_eq!(second.origin(), Origin::Same);
    assert_eq!(first.path(), second.path());
}

#[test]
fn what_is_as_new_as_the_copy_is_not_believed_unchanged() {
    let kit = Kit::git(&["a", "b"]);
    kit.settle();
    // Newer than now, as every file is whose last change falls into the moment of the copy.
    let file = fs::File::options()
        .write(true)
        .open(kit.tree.join("a"))
        .unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    file.set_modified(later).unwrap();
    drop(kit.snapshot());
    assert_eq!(kit.snapshot().origin(), Origin::Updated { n_copied: 1 });
}

#[test]
fn a_snapshot_that_nobody_uses_is_brought_up_to_date() {
    let kit = Kit::git(&["a", "dir/b", "dir/deep/c", "becomes/folder", "file"]);
    kit.settle();
    let first = kit.snapshot().path().to_owned();
    let unchanged = fs::metadata(first.join("tree/a")).unwrap().ino();
    kit.write("dir/b", "changed");
    kit.write("new/file", "new");
    fs::remove_dir_all(kit.tree.join("dir/deep")).unwrap();
    fs::remove_dir_all(kit.tree.join("becomes")).unwrap();
    kit.write("becomes", "file");
    fs::remove_file(kit.tree.join("file")).unwrap();
    kit.write("file/becomes", "folder");
    let second = kit.snapshot();
    assert_eq!(second.origin(), Origin::Updated { n_copied: 4 });
    assert!(!first.exists());
    let now = fs::metadata(second.path().join("tree/a")).unwrap().ino();
    assert_eq!(now, unchanged);
    insta::assert_snapshot!(tree(&second), @r"
    a 644 a
    becomes 644 file
    dir/ 755
    dir/b 644 changed
    file/ 755
    file/becomes 644 folder
    new/ 755
    new/file 644 new
    ");
}

#[test]
fn a_snapshot_in_use_stays_as_it_is() {
    let kit = Kit::git(&["a", "b"]);
    kit.settle();
    let first = kit.snapshot();
    let before = tree(&first);
    kit.write("b", "changed");
    let second = kit.snapshot();
    assert_eq!(second.origin(), Origin::New { n_copied: 1 });
    assert_ne!(first.path(), second.path());
    assert_eq!(tree(&first), before);
    assert_eq!(tree(&second), "a 644 a\nb 644 changed");
    let same = |name: &str| {
        let ino = |snapshot: &Snapshot| {
            fs::metadata(snapshot.path().join("tree").join(name))
                .unwrap()
                .ino()
        };
        ino(&first) == ino(&second)
    };
    assert!(same("a") && !same("b"));
}

#[test]
fn times_and_the_author_s_files_stay() {
    let kit = Kit::git(&["a", "dir/b"]);
    let before = fingerprint(&kit.tree);
    let snapshot = kit.snapshot();
    assert_eq!(fingerprint(&kit.tree), before);
    for name in ["a", "dir/b"] {
        let time = |root: &Path| fs::metadata(root.join(name)).unwrap().modified().unwrap();
        assert_eq!(time(&kit.tree), time(&snapshot.path().join("tree")));
    }
}

#[test]
fn old_snapshots_go_when_no_run_uses_them() {
    let kit = Kit::git(&["a"]);
    let first = kit.snapshot();
    kit.write("a", "2");
    let second = kit.snapshot();
    kit.write("a", "3");
    let third = kit.snapshot();
    let sweep = || sweep(&kit.dirs.snapshots, || true).unwrap();
    sweep();
    assert!(first.path().exists() && second.path().exists());
    let (first_path, second_path) = (first.path().to_owned(), second.path().to_owned());
    drop(first);
    sweep();
    assert!(!first_path.exists() && second_path.exists());
    drop(second);
    sweep();
    assert!(!second_path.exists() && third.path().exists());
    drop(third);
    sweep();
    // The last one is what the next run starts from.
    assert_eq!(list(&kit.dirs.snapshots).matches("tree/a 644 3").count(), 1);
}

#[test]
fn a_damaged_snapshot_is_not_used() {
    let kit = Kit::git(&["a", "b"]);
    kit.settle();
    let index = kit.snapshot().path().join("index");
    let whole = fs::read(&index).unwrap();
    fs::write(&index, &whole[..whole.len() - 1]).unwrap();
    let next = kit.snapshot();
    assert_eq!(next.origin(), Origin::New { n_copied: 2 });
    assert_eq!(tree(&next), "a 644 a\nb 644 b");
}

#[test]
fn many_runs_at_once_each_get_a_whole_tree() {
    let kit = Kit::git(&["a", "b"]);
    std::thread::scope(|scope| {
        for n in 0..4 {
            let kit = &kit;
            scope.spawn(move || {
                for round in 0..10 {
                    kit.write(format!("c{n}"), format!("{round}"));
                    let listed = tree(&kit.snapshot());
                    assert!(listed.starts_with("a 644 a\nb 644 b\n"), "{listed}");
                    assert!(listed.contains(&format!("c{n} 644 {round}")), "{listed}");
                }
            });
        }
    });
}
