//! Where programs are found, and what of its environment every program needs.

use rustix::fs::{Access, access};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Where programs are sought where the machine doesn't say: where the system keeps them.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables that every step gets from the machine, with what stands in where one is unset.
pub(crate) fn base_variables() -> &'static [(&'static str, Option<&'static str>)] {
    &[("PATH", Some(DEFAULT_PATH)), ("LANG", Some("C.UTF-8"))]
}

/// The variables that name the job's own home.
pub(crate) fn home_variables() -> &'static [&'static str] {
    &["HOME"]
}

/// The variables that name the job's own folder for temporary files.
pub(crate) fn tmp_variables() -> &'static [&'static str] {
    &["TMPDIR"]
}

/// The file of a program: by its path from `dir` where its name has a `/`, else along `path`.
pub(crate) fn find_program(name: &OsStr, path: &OsStr, dir: &Path) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        // Whether it can be run, the start will say. Of `./x` the dot goes, for people's eyes.
        return Some(dir.join(name).components().collect());
    }
    path.as_bytes()
        .split(|byte| *byte == b':')
        .map(|folder| dir.join(OsStr::from_bytes(folder)).join(name))
        .find(|file| access(file, Access::EXEC_OK).is_ok() && !file.is_dir())
}

/// A value for the environment; on this system any bytes.
pub(crate) fn text_from_bytes(bytes: &[u8]) -> Option<OsString> {
    Some(OsStr::from_bytes(bytes).to_owned())
}
