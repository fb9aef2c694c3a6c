//! What differs between systems: the same names in `unix` and `windows`, chosen here and nowhere else.
//!
//! A twin offers: [`Host`], a slot's connections to its worker and to the steps that it runs; [`Tree`],
//! the processes of a running step; where programs are found and which variables they can't do
//! without; and [`strays`], the worker's share in ending what a slot that died leaves behind.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// A program to start.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// Its file.
    pub(crate) program: &'a Path,
    /// How it is called: on some systems the name that it sees as its own.
    #[cfg_attr(
        windows,
        expect(dead_code, reason = "a command line there begins with the file")
    )]
    pub(crate) name: &'a OsStr,
    pub(crate) args: &'a [OsString],
    /// Its whole environment.
    pub(crate) env: &'a [(OsString, OsString)],
    /// Where it starts.
    pub(crate) dir: &'a Path,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    #[cfg_attr(windows, expect(dead_code, reason = "there are no signals there"))]
    Signal(i32),
}

/// Something that a slot has waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The worker sent something: [`Host::piece`].
    Commands,
    /// The worker is gone.
    WorkerGone,
    /// A process of the step wrote something: [`Host::piece`].
    Output,
    /// The step's main process has ended. What others of it still write comes as output.
    Ended,
    /// It is as late as that.
    Deadline,
}
