//! Starts a program, or says why that can't be done: what was looked for, and where.

use super::environment::Variables;
use super::script::{CommandLine, ScriptError};
use crate::os::{self, Host, Launch, Tree};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a step could not be started.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// `exec []`, or an empty name.
    #[error("there is no program to run")]
    Empty,
    /// Not found along the path.
    #[error("no program `{program}` in PATH ({path})")]
    NoProgram {
        /// Its name.
        program: String,
        /// Where it was sought.
        path: String,
    },
    /// A path to a file that is not there.
    #[error("there is no file {file}", file = file.display())]
    NoFile {
        /// Where it was sought.
        file: PathBuf,
    },
    /// The file is there, and the program that its first line names is not.
    #[error("{file} can't be run: the interpreter that its first line names is not there", file = file.display())]
    NoInterpreter {
        /// The file.
        file: PathBuf,
    },
    /// The folder in which it was to start.
    #[error("there is no folder {dir}", dir = dir.display())]
    NoFolder {
        /// Where it was sought.
        dir: PathBuf,
    },
    /// A file of this name, where a folder was expected.
    #[error("{dir} is not a folder", dir = dir.display())]
    NotAFolder {
        /// It.
        dir: PathBuf,
    },
    /// The system refuses.
    #[error("{file} can't be run: {hint}", file = file.display())]
    Permission {
        /// What was to be run.
        file: PathBuf,
        /// Why, as far as can be seen.
        hint: &'static str,
    },
    /// Arguments and environment are longer than the system allows.
    #[error("the arguments and the environment of `{program}` are too long for the system")]
    TooLong {
        /// Its name.
        program: String,
    },
    /// A secret without a value.
    #[error("no value was given for the secret `{secret}`, which `{variable}` needs")]
    NoSecret {
        /// Its name.
        secret: String,
        /// Where it is used.
        variable: String,
    },
    /// A secret that can't be in an environment of this system.
    #[error("the secret `{secret}` is not Unicode, which environments of this system are")]
    SecretNoText {
        /// Its name.
        secret: String,
    },
    /// A value that no environment can hold.
    #[error("the value of `{variable}` holds a NUL character, which no environment can")]
    Nul {
        /// Where.
        variable: String,
    },
    /// A script that could not be handed over.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// Something else.
    #[error("can't start {file}: {source}", file = file.display())]
    Other {
        /// What was to be run.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Starts a program in a folder.
pub(crate) fn start(
    host: &mut Host,
    line: &CommandLine,
    env: &Variables,
    dir: &Path,
) -> Result<Tree, StartError> {
    if line.program.is_empty() {
        return Err(StartError::Empty);
    }
    let Some(file) = os::find_program(&line.program, env.path(), dir) else {
        check_dir(dir)?;
        return Err(StartError::NoProgram {
            program: text(&line.program),
            path: text(env.path()),
        });
    };
    let launch = Launch {
        program: &file,
        name: &line.program,
        args: &line.args,
        env: &env.0,
        dir,
    };
    host.spawn(&launch)
        .map_err(|source| diagnose(source, &line.program, file, dir))
}

/// What is wrong: the system's own words (`No such file or directory`) don't say which.
fn diagnose(source: io::Error, program: &OsStr, file: PathBuf, dir: &Path) -> StartError {
    if let Err(error) = check_dir(dir) {
        return error;
    }
    match source.kind() {
        io::ErrorKind::NotFound if file.exists() => StartError::NoInterpreter { file },
        io::ErrorKind::NotFound => StartError::NoFile { file },
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => StartError::Permission {
            hint: match file.is_dir() {
                true => "it is a folder",
                false => "no permission (is it executable?)",
            },
            file,
        },
        io::ErrorKind::ArgumentListTooLong => StartError::TooLong {
            program: text(program),
        },
        _ => StartError::Other { file, source },
    }
}

fn check_dir(dir: &Path) -> Result<(), StartError> {
    let dir = dir.to_owned();
    match dir.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(StartError::NotAFolder { dir }),
        Err(_) => Err(StartError::NoFolder { dir }),
    }
}

fn text(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}
