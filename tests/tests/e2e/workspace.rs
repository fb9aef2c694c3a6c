//! The author's tree, and the workspaces of jobs.

use tests::kit::{Sandbox, fingerprint};

/// Does to every file below the current folder what a step could do to it.
const ATTACK: &str = r#"
      find . -type f -not -path './.git/*' | while IFS= read -r file; do
        printf 'appended' >> "$file"
        chmod 777 "$file"
        : > "$file"
        touch -d '2001-01-01' "$file"
        rm "$file"
      done
      find . -type l -delete
      echo new > new-file
"#;

#[test]
fn author_tree_is_untouched_by_what_steps_do_to_every_file() {
    let sandbox = Sandbox::with(&format!(
        "pipeline p {{\n  job a {{ bash \"\"\"{ATTACK}      \"\"\" }}\n}}\n"
    ));
    sandbox.write("src/lib.rs", "pub fn f() {}\n");
    sandbox.write_program("tool.sh", "#!/bin/sh\n");
    std::os::unix::fs::symlink("src/lib.rs", sandbox.path("link")).expect("a link");
    sandbox.commit("files");
    sandbox.write("src/uncommitted.rs", "// not committed\n");
    sandbox.write("README", "changed, not committed\n");
    let before = fingerprint(&sandbox.repo());
    // Twice: the second run may reuse what the first one left.
    for _ in 0..2 {
        let _ = sandbox.gantry(["run"]).run().expect_code(0);
        let after = fingerprint(&sandbox.repo());
        assert!(before == after, "the author's tree has changed");
    }
}

/// Two jobs, and two runs, see the author's files and not what the other did to them.
#[test]
fn jobs_do_not_see_what_others_did_to_their_files() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  job a { sh "grep -q fixture README && echo spoiled > README && chmod 000 other" }
  job b {
    needs = [a]
    sh "grep -q fixture README && test -r other && test $(stat -c %a other) = 644"
  }
}
"#,
    );
    sandbox.write("other", "x");
    sandbox.commit("other");
    for _ in 0..2 {
        let _ = sandbox.gantry(["run"]).run().expect_code(0);
    }
}

#[test]
fn snapshot_holds_uncommitted_work_and_leaves_ignored_files_out() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  job a { sh """
      grep -q changed README
      grep -q new untracked.txt
      test ! -e deleted.txt
      test ! -e ignored.txt
      """ }
}
"#,
    );
    sandbox.write("deleted.txt", "x");
    sandbox.write(".gitignore", "ignored.txt\n");
    sandbox.commit("more");
    sandbox.write("README", "changed\n");
    sandbox.write("untracked.txt", "new\n");
    sandbox.write("ignored.txt", "secret notes\n");
    std::fs::remove_file(sandbox.path("deleted.txt")).expect("it is there");
    let _ = sandbox.gantry(["run"]).run().expect_code(0);
}

#[test]
fn same_job_has_the_same_path_in_every_run() {
    let sandbox = Sandbox::with("pipeline p { job a { sh \"echo place=$(pwd)\" } }\n");
    let place = || {
        let finished = sandbox
            .gantry(["run", "--output", "plain"])
            .run()
            .expect_code(0);
        let all = finished.all();
        let line = all.lines().find(|line| line.contains("place=/"));
        line.unwrap_or_else(|| panic!("no place in {all}"))
            .to_owned()
    };
    let first = place();
    assert_eq!(first, place());
    assert!(
        !first.contains(&*sandbox.repo().to_string_lossy()),
        "{first}"
    );
}

#[test]
fn isolation_none_works_in_the_tree_itself() {
    let sandbox = Sandbox::with("pipeline p { job a { sh \"echo made > made-here\" } }\n");
    let _ = sandbox
        .gantry(["run", "--isolation", "none"])
        .run()
        .expect_code(0);
    assert_eq!(
        std::fs::read_to_string(sandbox.path("made-here")).expect("made"),
        "made\n"
    );
}

#[test]
fn names_with_blanks_quotes_newlines_and_unicode_are_laid_out() {
    let names = [
        "with blank",
        "with\"quote",
        "with'quote",
        "with\nnewline",
        "ünï\u{1F980}",
        "-dash",
        "$x",
    ];
    let sandbox = Sandbox::with(
        "pipeline p { job a { sh \"cat ./*/content | sort | uniq -c | tr -s ' '\" } }\n",
    );
    for name in names {
        sandbox.write(format!("{name}/content"), "laid out\n");
    }
    sandbox.commit("names");
    sandbox.write("not\ncommitted/content", "laid out\n");
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .run()
        .expect_code(0);
    let _ = finished.expect_text(&format!("{} laid out", names.len() + 1));
}

#[test]
fn repository_itself_may_lie_at_an_odd_path() {
    let sandbox = Sandbox::empty();
    let folder = sandbox.root().join("a \"b\"\n'c' ü$x");
    std::fs::create_dir_all(folder.join(".gantry")).expect("folders");
    std::fs::write(
        folder.join(".gantry/ci.gantry"),
        "pipeline p { job a { sh \"cat file\" } }\n",
    )
    .expect("written");
    std::fs::write(folder.join("file"), "found it\n").expect("written");
    let finished = sandbox
        .gantry(["run", "--output", "plain"])
        .current_dir(&folder)
        .run()
        .expect_code(0);
    let _ = finished.expect_text("found it");
}
