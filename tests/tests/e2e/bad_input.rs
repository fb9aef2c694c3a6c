//! What users, disks and other programs do wrong: a clear error, the right exit code, nothing lost.

use std::{fs, os::unix::fs::PermissionsExt};

use tests::kit::{Sandbox, Tmpfs, is_root};

const HELLO: &str = "pipeline hello { job greet { sh \"echo hello\" } }\n";

#[test]
fn no_pipeline_file() {
    let sandbox = Sandbox::with(HELLO);
    fs::remove_dir_all(sandbox.path(".gantry")).expect("it is there");
    let finished = sandbox.gantry(["run"]).run().expect_code(4);
    let _ = finished.expect_text(".gantry");
}

#[test]
fn pipelines_folder_that_is_a_file() {
    let sandbox = Sandbox::with(HELLO);
    fs::remove_dir_all(sandbox.path(".gantry")).expect("it is there");
    sandbox.write(".gantry", "not a folder");
    let finished = sandbox.gantry(["run"]).run().expect_code(4);
    let _ = finished.expect_text(".gantry is a file");
}

#[test]
fn no_such_pipeline() {
    let sandbox = Sandbox::with(HELLO);
    let finished = sandbox.gantry(["run", "helo"]).run().expect_code(4);
    let _ = finished.expect_text("helo").expect_text("hello");
    let finished = sandbox
        .gantry(["run", "not/there.gantry"])
        .run()
        .expect_code(4);
    let _ = finished.expect_text("not/there.gantry");
}

#[test]
fn no_such_job() {
    let sandbox = Sandbox::with(HELLO);
    let finished = sandbox
        .gantry(["run", "--job", "gret"])
        .run()
        .expect_code(4);
    let _ = finished.expect_text("gret").expect_text("greet");
}

#[test]
fn empty_file() {
    for content in ["", "\n\n", "# nothing but a comment\n", "\u{feff}"] {
        let sandbox = Sandbox::with(content);
        let finished = sandbox.gantry(["run"]).run();
        assert!(
            matches!(finished.code(), Some(3 | 4)),
            "{:?}: {}",
            finished.code(),
            finished.all()
        );
        let _ = finished.expect_text("pipeline").expect_no_text("panicked");
    }
}

#[test]
fn several_pipelines_where_one_is_expected() {
    let sandbox = Sandbox::with(HELLO);
    sandbox.write(
        ".gantry/other.gantry",
        "pipeline other { job a { sh \"echo other\" } }\n",
    );
    let finished = sandbox.gantry(["run"]).run();
    assert!(
        matches!(finished.code(), Some(2 | 4)),
        "{:?}: {}",
        finished.code(),
        finished.all()
    );
    let _ = finished.expect_text("hello").expect_text("other");
    let finished = sandbox
        .gantry(["run", "other", "--output", "plain"])
        .run()
        .expect_code(0);
    let _ = finished.expect_text("other");
}

#[test]
fn file_that_is_a_folder() {
    let sandbox = Sandbox::with(HELLO);
    fs::remove_file(sandbox.path(".gantry/ci.gantry")).expect("it is there");
    fs::create_dir(sandbox.path(".gantry/ci.gantry")).expect("a folder");
    let finished = sandbox.gantry(["run", ".gantry/ci.gantry"]).run();
    assert!(
        matches!(finished.code(), Some(3..=5)),
        "{:?}: {}",
        finished.code(),
        finished.all()
    );
    let _ = finished.expect_text("ci.gantry").expect_text("folder");
}

#[test]
fn file_that_is_no_text() {
    for content in [&b"\xff\xfe\x00pipeline"[..], b"pipeline p {\x00}", b"\x80"] {
        let sandbox = Sandbox::with(HELLO);
        sandbox.write(".gantry/ci.gantry", content);
        let finished = sandbox.gantry(["check"]).run().expect_code(3);
        let _ = finished.expect_text("ci.gantry").expect_no_text("panicked");
    }
}

#[test]
fn mistakes_are_shown_with_their_place_and_nothing_starts() {
    let sandbox = Sandbox::with(
        "pipeline p {\n  job a { sh \"touch started\" }\n  job b { need = [a], sh \"true\" }\n}\n",
    );
    let finished = sandbox
        .gantry(["run", "--isolation", "none"])
        .run()
        .expect_code(3);
    let _ = finished.expect_text("ci.gantry:3:11").expect_text("needs");
    assert!(!sandbox.path("started").exists());
}

#[test]
fn unknown_parameter_and_wrong_value_are_named() {
    let sandbox =
        Sandbox::with("pipeline p {\n  param n: int = 1\n  job a { sh \"echo n is $n\" }\n}\n");
    for (param, named) in [("m=1", "m"), ("n=ten", "ten"), ("n", "n")] {
        let finished = sandbox.gantry(["run", "--param", param]).run();
        assert!(
            matches!(finished.code(), Some(2 | 3)),
            "{param}: {}",
            finished.all()
        );
        let _ = finished.expect_text(named);
    }
    let finished = sandbox
        .gantry(["run", "--output", "plain", "--param", "n=7"])
        .run();
    let _ = finished.expect_code(0).expect_text("n is 7");
}

#[test]
fn no_git_repository() {
    let sandbox = Sandbox::empty();
    sandbox.pipeline("pipeline p { job a { sh \"cat here\" } }\n");
    sandbox.write("here", "without git\n");
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .run()
        .expect_code(0);
    let _ = finished.expect_text("without git");
}

#[test]
fn repository_without_a_commit() {
    let sandbox = Sandbox::empty();
    sandbox.pipeline(HELLO);
    sandbox.git(["init", "--quiet"]);
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .run()
        .expect_code(0);
    let _ = finished.expect_text("hello");
}

/// A folder of the repository is as good as its root.
#[test]
fn started_in_a_folder_below() {
    let sandbox = Sandbox::with(HELLO);
    sandbox.write("deep/er/file", "x");
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .current_dir(sandbox.path("deep/er"))
        .run()
        .expect_code(0);
    let _ = finished.expect_text("hello");
}

#[test]
fn repository_of_a_hundred_thousand_files() {
    let sandbox = Sandbox::in_memory().with_repository(
        "pipeline p { job a { sh \"echo files: $(find . -name 'f*' -type f | wc -l)\" } }\n",
    );
    for folder in 0..100 {
        let path = sandbox.path(format!("part-{folder}"));
        fs::create_dir(&path).expect("a folder");
        for file in 0..1000 {
            fs::write(path.join(format!("f{file}")), b"").expect("a file");
        }
    }
    sandbox.commit("many");
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .run()
        .expect_code(0);
    let _ = finished.expect_text("files: 100000");
}

#[test]
fn store_that_cannot_be_written() {
    let sandbox = Sandbox::with(HELLO);
    let store = sandbox.root().join("a-file");
    fs::write(&store, "not a folder").expect("written");
    let finished = sandbox.gantry([
        "run",
        "--store",
        store.to_str().expect("the sandbox's path is text"),
    ]);
    let _ = finished.run().expect_code(5).expect_text("a-file");
    assert_eq!(
        fs::read_to_string(&store).expect("still there"),
        "not a folder"
    );
}

#[test]
fn store_that_is_the_working_tree() {
    let sandbox = Sandbox::with(HELLO);
    let finished = sandbox.gantry(["run", "--store", "."]).run().expect_code(2);
    let _ = finished.expect_text("can't be the working tree");
    assert!(!sandbox.path("store.sqlite").exists(), "nothing is written");
}

#[test]
fn store_that_is_read_only() {
    if is_root() {
        eprintln!("left out: root may write anywhere");
        return;
    }
    let sandbox = Sandbox::with(HELLO);
    fs::set_permissions(sandbox.store(), fs::Permissions::from_mode(0o500)).expect("chmod");
    let _ = sandbox.gantry(["run"]).run().expect_code(5);
    fs::set_permissions(sandbox.store(), fs::Permissions::from_mode(0o700)).expect("chmod");
}

#[test]
fn disk_that_fills_up() {
    let sandbox = Sandbox::with(
        "pipeline p {\n  job a { sh \"yes 0123456789 | head -c 30000000\" }\n  job b { needs = [a]\n sh \"echo b\" }\n}\n",
    );
    let store = sandbox.store();
    let Some(_disk) = Tmpfs::mount(&store, 4 << 20) else {
        eprintln!("left out: this machine lets the tests mount nothing");
        return;
    };
    let finished = sandbox.gantry(["run"]).run();
    assert!(
        matches!(finished.code(), Some(1 | 5)),
        "{:?}: {}",
        finished.code(),
        finished.all()
    );
    let _ = finished.expect_text("pace").expect_no_text("panicked");
}

#[test]
fn disk_that_is_full_from_the_start() {
    let sandbox = Sandbox::with(HELLO);
    let store = sandbox.store();
    let Some(disk) = Tmpfs::mount(&store, 64 << 10) else {
        eprintln!("left out: this machine lets the tests mount nothing");
        return;
    };
    let _ = fs::write(disk.folder().join("filler"), vec![0; 1 << 20]);
    let finished = sandbox.gantry(["run"]).run().expect_code(5);
    let _ = finished.expect_no_text("panicked");
}

/// The plan is made once: what is changed afterwards is the next run's business.
#[test]
fn pipeline_that_changes_while_it_runs() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  job a { sh "echo a is up; while [ ! -e \"$GO\" ]; do sleep 0.05; done"
    env { GO = inherit("GO") } }
  job b { needs = [a], sh "echo the old b" }
}
"#,
    );
    let go = sandbox.root().join("go");
    let mut running = sandbox
        .gantry(["run", "--output", "plain"])
        .env("GO", &go)
        .start();
    running.wait_for("a is up");
    sandbox.pipeline("pipeline p { job c { sh \"echo the new c\" } }\n");
    fs::write(&go, "").expect("written");
    let finished = running.wait().expect_code(0);
    let _ = finished
        .expect_text("the old b")
        .expect_no_text("the new c");
}

#[test]
fn store_of_a_newer_version() {
    let sandbox = Sandbox::with(HELLO);
    let _ = sandbox.gantry(["run"]).run().expect_code(0);
    let database = tests::kit::fingerprint(&sandbox.store())
        .into_keys()
        .find(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0")))
        .expect("the store has a database");
    let connection = rusqlite::Connection::open(&database).expect("it opens");
    let version: u32 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .expect("a version");
    assert!(version >= 1, "the store has a version");
    connection
        .pragma_update(None, "user_version", version + 1)
        .expect("it can be set");
    drop(connection);
    for command in ["run", "runs", "logs"] {
        let finished = sandbox.gantry([command]).run().expect_code(5);
        let _ = finished.expect_text(&format!("version {}", version + 1));
    }
}

#[test]
fn output_that_nobody_reads_ends_quietly() {
    let sandbox = Sandbox::with(HELLO);
    let mut invocation = sandbox.gantry(["run", "--output", "plain"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = invocation
        .command()
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .output()
        .expect("it starts");
    let errors = String::from_utf8_lossy(&status.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn unknown_command_and_option_are_usage_errors() {
    let sandbox = Sandbox::with(HELLO);
    for args in [
        &["rum"][..],
        &["run", "--slot", "2"],
        &["run", "--slots", "many"],
        &["run", "--output", "xml"],
    ] {
        let _ = sandbox.gantry(args).run().expect_code(2);
    }
}
