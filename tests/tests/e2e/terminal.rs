//! What a person sees on a terminal.

use tests::kit::{Sandbox, Screen};

#[test]
fn live_view_shows_what_runs_and_what_waits() {
    let sandbox = Sandbox::with(
        r#"pipeline p {
  job slow { sh "echo half way; while [ ! -e \"$GO\" ]; do sleep 0.05; done"
    env { GO = inherit("GO") } }
  job later { needs = [slow], sh "echo done" }
}
"#,
    );
    let go = sandbox.root().join("go");
    let mut screen = Screen::start(sandbox.gantry(["run"]).env("GO", &go));
    screen.wait_for("slow");
    screen.wait_for("half way");
    std::fs::write(&go, "").expect("written");
    let (code, last, _) = screen.finish();
    assert_eq!(code, Some(0), "{last}");
    assert!(last.contains("succeeded"), "{last}");
}

#[test]
fn failed_step_is_shown_with_its_log_and_its_place() {
    let sandbox =
        Sandbox::with("pipeline p {\n  job a {\n    sh \"echo what went wrong; exit 9\"\n  }\n}\n");
    let screen = Screen::start(sandbox.gantry(["run"]));
    let (code, last, _) = screen.finish();
    assert_eq!(code, Some(1), "{last}");
    for text in ["what went wrong", "ci.gantry:3", "9"] {
        assert!(last.contains(text), "{text}: {last}");
    }
}

#[test]
fn no_color_is_honored() {
    let sandbox = Sandbox::with("pipeline p { job a { sh \"echo x; exit 1\" } }\n");
    let colors = |screen: Screen| {
        let (_, _, raw) = screen.finish();
        // Colors end in `m`; the live view may move the cursor all the same.
        let parts: Vec<&str> = raw.split("\u{1b}[").skip(1).collect();
        parts.iter().any(|part| {
            let end = part.find(|c: char| c.is_ascii_alphabetic());
            end.is_some_and(|end| part[end..].starts_with('m') && !part[..end].is_empty())
        })
    };
    assert!(colors(Screen::start(sandbox.gantry(["run"]))));
    assert!(!colors(Screen::start(
        sandbox.gantry(["run"]).env("NO_COLOR", "1")
    )));
}

#[test]
fn ctrl_c_on_a_terminal_cancels() {
    let sandbox = Sandbox::with("pipeline p { job a { sh \"echo a is up; sleep 600\" } }\n");
    let mut screen = Screen::start(sandbox.gantry(["run"]));
    screen.wait_for("a is up");
    screen.press_ctrl_c();
    let (code, last, _) = screen.finish();
    assert_eq!(code, Some(130), "{last}");
    assert!(last.contains("canceled"), "{last}");
}

/// Not a terminal: no escape at all, one line for each thing that happens.
#[test]
fn plain_lines_when_not_a_terminal() {
    let sandbox = Sandbox::with("pipeline p { job a { sh \"echo from the step\" } }\n");
    let finished = sandbox.gantry(["run"]).run().expect_code(0);
    assert!(!finished.all().contains('\u{1b}'), "{}", finished.all());
    let _ = finished
        .expect_text("from the step")
        .expect_text("succeeded");
}
