//! Where programs are found, and what of its environment every program needs.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What the name of a program may end with where it is written without; in this order.
const EXTENSIONS: [&str; 4] = ["exe", "com", "cmd", "bat"];

/// The variables that every step gets from the machine, with what stands in where one is unset. Without
/// most of these, programs here do not even start.
pub(crate) fn base_variables() -> &'static [(&'static str, Option<&'static str>)] {
    &[
        ("PATH", None),
        ("LANG", Some("C.UTF-8")),
        ("PATHEXT", Some(".COM;.EXE;.BAT;.CMD")),
        ("COMSPEC", None),
        ("OS", None),
        ("SYSTEMDRIVE", None),
        ("SYSTEMROOT", None),
        ("WINDIR", None),
        ("PROGRAMDATA", None),
        ("PROGRAMFILES", None),
        ("PROGRAMFILES(X86)", None),
        ("PROGRAMW6432", None),
        ("COMMONPROGRAMFILES", None),
        ("COMMONPROGRAMFILES(X86)", None),
        ("COMMONPROGRAMW6432", None),
        ("NUMBER_OF_PROCESSORS", None),
        ("PROCESSOR_ARCHITECTURE", None),
    ]
}

/// The variables that name the job's own home.
pub(crate) fn home_variables() -> &'static [&'static str] {
    &["HOME", "USERPROFILE"]
}

/// The variables that name the job's own folder for temporary files.
pub(crate) fn tmp_variables() -> &'static [&'static str] {
    &["TMPDIR", "TEMP", "TMP"]
}

/// The file of a program: by its path from `dir` where its name has folders, else along `path`. An
/// extension may be left out.
pub(crate) fn find_program(name: &OsStr, path: &OsStr, dir: &Path) -> Option<PathBuf> {
    let name = Path::new(name);
    let has_folders = name.components().count() > 1 || name.has_root();
    if has_folders {
        let file = dir.join(name);
        // Whether it is there and can be run, the start will say.
        return Some(with_extension(&file).unwrap_or(file));
    }
    std::env::split_paths(path).find_map(|folder| with_extension(&dir.join(folder).join(name)))
}

fn with_extension(file: &Path) -> Option<PathBuf> {
    let longer = EXTENSIONS.iter().map(|extension| {
        let mut name = file.as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        PathBuf::from(name)
    });
    let as_written = file.extension().is_some().then(|| file.to_owned());
    as_written
        .into_iter()
        .chain(longer)
        .find(|file| file.is_file())
}

/// A value for the environment, which is Unicode on this system.
pub(crate) fn text_from_bytes(bytes: &[u8]) -> Option<OsString> {
    std::str::from_utf8(bytes).ok().map(OsString::from)
}
