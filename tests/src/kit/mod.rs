//! Table of contents of the kit.

mod binary;
mod redact;
mod report;
mod run;
mod sandbox;
mod tree;
mod wait;

#[cfg(unix)]
mod processes;
#[cfg(unix)]
mod screen;
#[cfg(unix)]
mod tmpfs;

pub use binary::{gantry_binary, workspace_root};
pub use redact::redact;
pub use report::Report;
pub use run::{Finished, Invocation, Running};
pub use sandbox::Sandbox;
pub use tree::{Fingerprint, fingerprint};
pub use wait::{pause, until};

#[cfg(unix)]
pub use processes::{Process, is_root, processes_of};
#[cfg(unix)]
pub use screen::Screen;
#[cfg(unix)]
pub use tmpfs::Tmpfs;
