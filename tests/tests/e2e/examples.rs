//! Every pipeline of `examples/` is checked, planned and run.

use std::fs;

use tests::kit::{Sandbox, workspace_root};

#[test]
fn every_example_is_checked_planned_and_run() {
    let mut names: Vec<String> = fs::read_dir(workspace_root().join("examples"))
        .expect("examples are part of the repository")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".gantry"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "there are no examples");
    for name in names {
        eprintln!("{name}");
        let sandbox = Sandbox::with("pipeline other { job nothing { sh \"true\" } }\n");
        let file = format!("examples/{name}");
        let text = fs::read(workspace_root().join(&file)).expect("the example can be read");
        sandbox.write(&file, text);
        for args in [["check", &file], ["plan", &file], ["run", &file]] {
            let _ = sandbox.gantry(args).run().expect_code(0);
        }
    }
}
