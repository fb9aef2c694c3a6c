//! Where the binary under test is.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The `gantry` under test: the one that `GANTRY_BIN` names, else the one of the same build as
/// this test, brought up to date first, so that nobody tests yesterday's binary by mistake.
pub fn gantry_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match env::var_os("GANTRY_BIN") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

/// The root of the repository.
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests crate is in the workspace")
}

/// Builds the binary into the profile's folder that this test runs from.
fn build() -> PathBuf {
    let folder = profile_folder();
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace_root())
        .args([
            "build",
            "--quiet",
            "--package",
            "gantry",
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(
            folder
                .parent()
                .expect("a profile's folder is in the target folder"),
        )
        .status()
        .expect("cargo starts");
    assert!(
        status.success(),
        "building the binary under test failed: {status}"
    );
    folder.join(format!("gantry{}", env::consts::EXE_SUFFIX))
}

/// `target/<profile>`: this executable is in it or in its `deps`.
fn profile_folder() -> PathBuf {
    let own = env::current_exe().expect("a process knows its executable");
    let folder = own.parent().expect("an executable is in a folder");
    if folder.ends_with("deps") {
        folder
            .parent()
            .expect("deps is in the profile's folder")
            .to_owned()
    } else {
        folder.to_owned()
    }
}
