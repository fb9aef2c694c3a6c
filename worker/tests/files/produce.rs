//! What jobs hand on, and what is kept for people.

use crate::kit::{Kit, list, message, needs};
use model::spec::Sources;
use proptest::prelude::*;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use worker::{
    artifact,
    blobs::{BlobError, Blobs},
    produce::{ProduceError, collect, lay},
    workspace::{Request, Source},
};

struct Box {
    folder: TempDir,
    blobs: Blobs,
}

impl Box {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            blobs: Blobs::new(folder.path().join("blobs"), false),
            folder,
        }
    }

    /// A folder with these files; one that ends in `/` is a folder.
    fn root(&self, name: &str, files: &[&str]) -> PathBuf {
        let root = self.folder.path().join(name);
        fs::create_dir_all(&root).unwrap();
        for file in files {
            let path = root.join(file);
            if file.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, file).unwrap();
            }
        }
        root
    }

    fn collect(&self, root: &Path, globs: &[&str]) -> Result<String, ProduceError> {
        Ok(collect(root, &owned(globs), &self.blobs)?.unwrap())
    }

    fn lay(&self, from: &[(&str, Option<&str>, &str)], root: &Path) -> Result<(), ProduceError> {
        lay(&needs(from).needs, &self.blobs, root)
    }

    /// Hands on what matches, and lists what arrives.
    fn hand_on(&self, root: &Path, globs: &[&str]) -> Result<String, ProduceError> {
        let manifest = self.collect(root, globs)?;
        let to = tempfile::tempdir().unwrap();
        self.lay(&[("job", None, &manifest)], to.path())?;
        Ok(list(to.path()))
    }
}

fn owned(globs: &[&str]) -> Vec<String> {
    globs.iter().map(|glob| (*glob).to_owned()).collect()
}

#[test]
fn without_globs_there_is_nothing() {
    let store = Box::new();
    assert_eq!(
        collect(&store.root("a", &["x"]), &[], &store.blobs).unwrap(),
        None
    );
}

#[test]
fn files_modes_links_and_empty_folders_arrive() {
    let store = Box::new();
    let root = store.root(
        "a",
        &[
            "dist/app",
            "dist/empty/",
            "dist/deep/er/x",
            "other",
            "out.txt",
        ],
    );
    fs::set_permissions(root.join("dist/app"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(root.join("dist/empty"), fs::Permissions::from_mode(0o500)).unwrap();
    symlink("app", root.join("dist/latest")).unwrap();
    insta::assert_snapshot!(store.hand_on(&root, &["dist/", "*.txt"]).unwrap(), @r"
    dist/ 755
    dist/app 755 dist/app
    dist/deep/ 755
    dist/deep/er/ 755
    dist/deep/er/x 644 dist/deep/er/x
    dist/empty/ 500
    dist/latest -> app
    out.txt 644 out.txt
    ");
}

#[track_caller]
fn check_found(globs: &[&str], expected: &[&str]) {
    let store = Box::new();
    let root = store.root(
        "a",
        &[
            "a/1.rs",
            "a/2.txt",
            "a/b/3.rs",
            "a/b/c/4.rs",
            "5.rs",
            ".hidden",
        ],
    );
    let listed = store.hand_on(&root, globs).unwrap();
    let files: Vec<_> = listed
        .lines()
        .map(|line| line.split_once(' ').unwrap().0)
        .filter(|name| !name.ends_with('/'))
        .collect();
    assert_eq!(files, expected, "{globs:?}");
}

#[test]
fn globs_find_what_they_say() {
    check_found(&["*.rs"], &["5.rs"]);
    check_found(&["**/*.rs"], &["5.rs", "a/1.rs", "a/b/3.rs", "a/b/c/4.rs"]);
    check_found(&["a/*.rs"], &["a/1.rs"]);
    check_found(&["a/**/4.rs"], &["a/b/c/4.rs"]);
    check_found(&["a/*/3.rs", "a/*/3.rs"], &["a/b/3.rs"]);
    check_found(&["./a/b"], &["a/b/3.rs", "a/b/c/4.rs"]);
    check_found(&["a/{1,2}.*"], &["a/1.rs", "a/2.txt"]);
    check_found(&["a/{b/3,1}.rs"], &["a/1.rs", "a/b/3.rs"]);
    check_found(&["a/?.txt", ".*"], &[".hidden", "a/2.txt"]);
    check_found(&["?"], &["a/1.rs", "a/2.txt", "a/b/3.rs", "a/b/c/4.rs"]);
}

#[track_caller]
fn refused(store: &Box, root: &Path, glob: &str) -> String {
    store.collect(root, &[glob]).unwrap_err().to_string()
}

#[test]
fn what_can_t_be_collected_is_said() {
    let store = Box::new();
    let root = store.root("a", &["x"]);
    symlink("/etc", root.join("link")).unwrap();
    insta::assert_snapshot!(refused(&store, &root, "nothing/*"), @"`produces` names `nothing/*`, but nothing in the workspace matches it");
    insta::assert_snapshot!(refused(&store, &root, "x/y"), @"`produces` names `x/y`, but nothing in the workspace matches it");
    insta::assert_snapshot!(refused(&store, &root, "../a/x"), @"`../a/x` leads out of the workspace; only paths below it can be named");
    insta::assert_snapshot!(refused(&store, &root, "/etc/passwd"), @"`/etc/passwd` leads out of the workspace; only paths below it can be named");
    insta::assert_snapshot!(refused(&store, &root, "link/passwd"), @"`link/passwd` leads through `link`, a symbolic link, which may lead anywhere");
    insta::assert_snapshot!(refused(&store, &root, "link/*"), @"`link/*` leads through `link`, a symbolic link, which may lead anywhere");
    insta::assert_snapshot!(refused(&store, &root, "a[b"), @"`a[b` is no pattern");
    // The link itself may be handed on.
    assert_eq!(store.hand_on(&root, &["l*"]).unwrap(), "link -> /etc");
    assert_eq!(store.hand_on(&root, &["link"]).unwrap(), "link -> /etc");
}

#[test]
fn two_jobs_at_one_path_are_an_error_and_nothing_is_laid() {
    let store = Box::new();
    let a = store
        .collect(&store.root("a", &["dist/app", "dist/a"]), &["dist"])
        .unwrap();
    let b = store
        .collect(&store.root("b", &["dist/app", "dist/b"]), &["dist"])
        .unwrap();
    let file = store
        .collect(&store.root("c", &["dist"]), &["dist"])
        .unwrap();
    let to = store.root("to", &[]);
    let error = |from: &[(&str, Option<&str>, &str)]| {
        let text = store.lay(from, &to).unwrap_err().to_string();
        assert_eq!(list(&to), "");
        text
    };
    insta::assert_snapshot!(error(&[("one", None, &a), ("two", None, &b)]), @"`dist/app` is produced by both `one` and `two`");
    insta::assert_snapshot!(error(&[("one", None, &file), ("two", None, &a)]), @"`dist` is produced by both `one` and `two`");
    insta::assert_snapshot!(error(&[("one", Some("../x"), &a)]), @"`../x`, which `one` produced, can't be laid: the end of the workspace stands there");
    store
        .lay(&[("one", Some("one"), &a), ("two", Some("two/x"), &b)], &to)
        .unwrap();
    insta::assert_snapshot!(list(&to), @r"
    one/ 755
    one/dist/ 755
    one/dist/a 644 dist/a
    one/dist/app 644 dist/app
    two/ 755
    two/x/ 755
    two/x/dist/ 755
    two/x/dist/app 644 dist/app
    two/x/dist/b 644 dist/b
    ");
}

#[test]
fn a_folder_may_be_of_several_jobs() {
    let store = Box::new();
    let a = store
        .collect(&store.root("a", &["dist/a"]), &["dist"])
        .unwrap();
    let b = store
        .collect(&store.root("b", &["dist/b"]), &["dist"])
        .unwrap();
    let to = store.root("to", &[]);
    store
        .lay(&[("one", None, &a), ("two", None, &b)], &to)
        .unwrap();
    assert_eq!(list(&to), "dist/ 755\ndist/a 644 dist/a\ndist/b 644 dist/b");
}

#[test]
fn a_file_of_the_source_tree_is_replaced_but_nothing_is_written_through_a_link() {
    let store = Box::new();
    let made = store
        .collect(&store.root("a", &["gen/code"]), &["gen"])
        .unwrap();
    let to = store.root("to", &[]);
    let outside = store.root("outside", &["code"]);
    fs::create_dir(to.join("gen")).unwrap();
    fs::write(to.join("gen/code"), "old").unwrap();
    store.lay(&[("job", None, &made)], &to).unwrap();
    assert_eq!(list(&to), "gen/ 755\ngen/code 644 gen/code");

    symlink(outside.join("code"), to.join("x")).unwrap();
    fs::rename(to.join("x"), to.join("gen/code")).unwrap();
    store.lay(&[("job", None, &made)], &to).unwrap();
    assert_eq!(list(&to), "gen/ 755\ngen/code 644 gen/code");

    fs::remove_dir_all(to.join("gen")).unwrap();
    symlink(&outside, to.join("gen")).unwrap();
    let error = store.lay(&[("job", None, &made)], &to).unwrap_err();
    insta::assert_snapshot!(error, @"`gen`, which `job` produced, can't be laid: a file stands there");
    assert_eq!(list(&outside), "code 644 code");
}

#[test]
fn what_is_there_already_is_left_alone() {
    let store = Box::new();
    let root = store.root("a", &["x"]);
    let made = store.collect(&root, &["x"]).unwrap();
    let before = fs::metadata(root.join("x")).unwrap().modified().unwrap();
    store.lay(&[("job", None, &made)], &root).unwrap();
    assert_eq!(
        fs::metadata(root.join("x")).unwrap().modified().unwrap(),
        before
    );
}

#[test]
fn a_damaged_content_is_noticed_set_aside_and_can_be_made_anew() {
    let store = Box::new();
    let root = store.root("a", &["x"]);
    let made = store.collect(&root, &["x"]).unwrap();
    let digest = blake3_of("x");
    let path = store.blobs.dir().join(&digest[..2]).join(&digest[2..]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&path, "y").unwrap();
    let to = store.root("to", &[]);
    let error = store.lay(&[("job", None, &made)], &to).unwrap_err();
    assert!(
        matches!(error, ProduceError::Blob(BlobError::Damaged { .. })),
        "{error}"
    );
    assert_eq!(list(&to), "");
    let error = store.lay(&[("job", None, &made)], &to).unwrap_err();
    assert!(
        matches!(error, ProduceError::Blob(BlobError::Missing { .. })),
        "{error}"
    );
    store.collect(&root, &["x"]).unwrap();
    store.lay(&[("job", None, &made)], &to).unwrap();
    assert_eq!(list(&to), "x 644 x");
}

#[test]
fn an_empty_or_cut_file_after_a_crash_is_written_anew() {
    let store = Box::new();
    let digest = store.blobs.put(b"content").unwrap();
    let path = store.blobs.dir().join(&digest[..2]).join(&digest[2..]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&path, "").unwrap();
    assert_eq!(store.blobs.put(b"content").unwrap(), digest);
    assert_eq!(store.blobs.get(&digest, 100).unwrap(), b"content");
}

#[test]
fn a_large_file_is_kept_once() {
    let store = Box::new();
    let root = store.root("a", &[]);
    let content: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
    for name in ["one", "two"] {
        fs::write(root.join(name), &content).unwrap();
    }
    let made = store.collect(&root, &["*"]).unwrap();
    let to = store.root("to", &[]);
    store.lay(&[("job", None, &made)], &to).unwrap();
    assert!(fs::read(to.join("two")).unwrap() == content);
    // Two contents: the file's and the list's.
    assert_eq!(
        list(store.blobs.dir())
            .lines()
            .filter(|line| !line.contains("/ "))
            .count(),
        2
    );
}

#[test]
fn digests_are_checked() {
    let store = Box::new();
    for text in ["", "../../etc/passwd", "ABCDEF", &"g".repeat(64)] {
        let error = store.blobs.get(text, 1).unwrap_err();
        assert!(matches!(error, BlobError::Digest { .. }), "{error}");
    }
    let digest = store.blobs.put(b"four").unwrap();
    assert!(matches!(
        store.blobs.get(&digest, 3),
        Err(BlobError::TooLong { .. })
    ));
    assert_eq!(store.blobs.get(&digest, 4).unwrap(), b"four");
}

#[test]
fn a_full_and_a_read_only_disk_are_said() {
    let small = tempfile::tempdir().unwrap();
    let flags = rustix::mount::MountFlags::empty();
    if rustix::mount::mount("tmpfs", small.path(), "tmpfs", flags, c"size=64k").is_err() {
        // Only root can.
        return;
    }
    let blobs = Blobs::new(small.path().join("blobs"), true);
    let full = blobs.put(&[7; 1 << 20]);
    let left = list(small.path());
    let small_one = blobs.put(b"small");
    let flags = rustix::mount::MountFlags::RDONLY;
    rustix::mount::mount_remount(small.path(), flags, c"").unwrap();
    let read_only = blobs.put(b"other");
    rustix::mount::unmount(small.path(), rustix::mount::UnmountFlags::DETACH).unwrap();
    assert!(matches!(full, Err(BlobError::Full { .. })), "{full:?}");
    assert_eq!(left, "blobs/ 755");
    assert!(small_one.is_ok(), "{small_one:?}");
    assert!(
        matches!(read_only, Err(BlobError::ReadOnly { .. })),
        "{read_only:?}"
    );
}

#[test]
fn workspaces_hold_what_needed_jobs_produced() {
    let kit = Kit::git(&["src"]);
    let snapshot = kit.snapshot();
    kit.write("dist/app", "app");
    let made = collect(&kit.tree, &owned(&["dist"]), &kit.blobs)
        .unwrap()
        .unwrap();
    let sources = Sources {
        checkout: true,
        ..needs(&[("build", None, &made), ("build", Some("build/x"), &made)])
    };
    let source = Source::Snapshot(snapshot.path().to_owned());
    let mut workspaces = kit.workspaces();
    let request = Request {
        key: "job",
        source: &source,
        sources: &sources,
    };
    for _ in 0..2 {
        let workspace = workspaces.prepare(&request).unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(list(workspace.root()), @r"
            build/ 755
            build/x/ 755
            build/x/dist/ 755
            build/x/dist/app 644 app
            dist/ 755
            dist/app 644 app
            src 644 src
            ");
        }
        workspaces.finish(workspace, false);
    }
    let without = kit.prepare(&mut workspaces, "job", &snapshot);
    assert_eq!(list(without.root()), "src 644 src");
    let missing = needs(&[("build", None, &"0".repeat(64))]);
    let error = kit
        .workspaces()
        .prepare(&Request {
            sources: &missing,
            ..request
        })
        .unwrap_err();
    insta::assert_snapshot!(message(&error), @"what `build` produced can't be used: its list of files can't be read: the content 0000000000000000000000000000000000000000000000000000000000000000 is not in the store any more");
}

#[test]
fn artifacts_are_kept_with_their_paths() {
    let store = Box::new();
    let root = store.root("a", &["target/report.xml", "target/deep/x", "log"]);
    let dest = store.folder.path().join("artifacts/1/0.1");
    let kept = artifact::keep(&root, &owned(&["target/**", "none*"]), &dest).unwrap();
    assert_eq!((kept.n_files, kept.n_bytes), (2, 30));
    assert_eq!(kept.unmatched, ["none*"]);
    fs::write(root.join("target/report.xml"), "second").unwrap();
    artifact::keep(&root, &owned(&["target/report.xml", "log"]), &dest).unwrap();
    insta::assert_snapshot!(list(&dest), @r"
    log 644 log
    target/ 755
    target/deep/ 755
    target/deep/x 644 target/deep/x
    target/report.xml 644 second
    ");
}

fn blake3_of(content: &str) -> String {
    let store = Box::new();
    store.blobs.put(content.as_bytes()).unwrap()
}

#[derive(Debug, Clone)]
enum Made {
    File(Vec<u8>, u32),
    Link(String),
    Folder,
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        4 => (prop::collection::vec(any::<u8>(), 0..40), 0o400..0o777_u32)
            .prop_map(|(content, mode)| Made::File(content, mode | 0o400)),
        1 => "[a-z./]{1,8}".prop_map(Made::Link),
        1 => Just(Made::Folder),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What is collected and laid elsewhere is the same, and so is its digest.
    #[test]
    fn what_is_handed_on_arrives(
        files in prop::collection::btree_map("[a-c]{1,2}(/[a-c ü\n\"]{1,3}){0,2}", made(), 1..12)
    ) {
        let store = Box::new();
        let root = store.root("a", &[]);
        for (path, made) in files {
            let path = root.join(path);
            // A path through a file is no path; fewer files are made then.
            if fs::create_dir_all(path.parent().unwrap()).is_err() || path.symlink_metadata().is_ok() {
                continue;
            }
            match made {
                Made::File(content, mode) => {
                    fs::write(&path, content).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                }
                Made::Link(target) => symlink(target, &path).unwrap(),
                Made::Folder => fs::create_dir(&path).unwrap(),
            }
        }
        let manifest = store.collect(&root, &["**"]).unwrap();
        let to = store.root("to", &[]);
        store.lay(&[("job", None, &manifest)], &to).unwrap();
        prop_assert_eq!(list(&root), list(&to));
        prop_assert_eq!(store.collect(&to, &["**"]).unwrap(), manifest);
    }
}
