//! The slot process (`gantry slot`): runs one job at a time, for as long as its worker lives.
//!
//! A worker starts each slot as a child and speaks frames with it over the child's standard input and
//! output: two pipes that both systems have, that need no path and no permission, and that end with
//! either side. End of file on the input means that the worker is gone; the slot then ends the tree of
//! its steps, and itself. A slot that outlives its worker will speak the same frames over a socket.
//!
//! Inside there is one thread and no async runtime. It starts steps, reads their output, masks it,
//! writes the log, ends what they leave behind, and takes commands meanwhile.

mod attempt;
pub mod client;
mod config;
mod frame;
mod job;
mod journal;
mod link;
mod process;
mod step;

pub use config::{Config, PathError};
pub use frame::FrameError;
pub use journal::replay;

use crate::os::Host;
use job::Jobs;
use journal::Journal;
use link::Link;
use process::KILL_LIMIT;
use protocol::slot::SLOT_VERSION;
use protocol::slot::v1::{Hello, Ready, from_slot, to_slot};
use std::error::Error;
use std::fs;
use std::io;
use std::process::ExitCode;
use std::time::Instant;
use thiserror::Error;

/// The slot process: call it first thing when Gantry is started as `gantry slot`.
#[must_use]
pub fn main() -> ExitCode {
    let host = match Host::enter() {
        Ok(host) => host,
        Err(error) => return report(&SlotEnd::System(error)),
    };
    let mut link = Link::new(host);
    let Err(end) = serve(&mut link);
    // Whatever the reason: nothing that runs below is anybody's any more.
    let limit = Instant::now() + KILL_LIMIT;
    while link.host().has_rest() && Instant::now() < limit {
        link.host().kill();
    }
    match end {
        SlotEnd::WorkerGone => ExitCode::SUCCESS,
        other => report(&other),
    }
}

/// Why a slot ends.
#[derive(Debug, Error)]
pub(crate) enum SlotEnd {
    /// As every slot does: its worker has ended, or let it go.
    #[error("the worker is gone")]
    WorkerGone,
    /// Processes of a step could not be ended; another process has to run the next job.
    #[error("processes of a step could not be ended")]
    Stuck,
    /// The worker is of another build.
    #[error("the worker speaks version {theirs}, this slot version {SLOT_VERSION}")]
    Version { theirs: u32 },
    /// The first message was something else.
    #[error(
        "the worker does not say what this slot is to do; `gantry slot` is started by Gantry only"
    )]
    NoHello,
    /// A job that nobody has leased.
    #[error("the worker sent a job without a lease")]
    NoLease,
    /// What the worker says can't be read.
    #[error("the worker can't be understood")]
    Frame(#[from] FrameError),
    /// What happens can't be kept.
    #[error("the journal can't be written")]
    Journal(#[source] io::Error),
    /// The system refuses something that it never should.
    #[error("the system refuses to go on")]
    System(#[source] io::Error),
}

/// Runs jobs until there is a reason to end.
fn serve(link: &mut Link) -> Result<std::convert::Infallible, SlotEnd> {
    let Some(to_slot::Body::Hello(Hello { protocol, config })) = link.first()?.body else {
        return Err(SlotEnd::NoHello);
    };
    if protocol != SLOT_VERSION {
        return Err(SlotEnd::Version { theirs: protocol });
    }
    let config: Config = config.unwrap_or_default().into();
    fs::create_dir_all(&config.folder).map_err(SlotEnd::System)?;
    let journal = Journal::create(&config.folder.join("journal"), config.durable)
        .map_err(SlotEnd::Journal)?;
    link.keep_in(journal);
    link.tell(from_slot::Body::Ready(Ready {
        protocol: SLOT_VERSION,
    }));
    link.send()?;
    let mut jobs = Jobs::new(config)?;
    loop {
        let assign = link.next_job()?;
        jobs.run(link, assign)?;
    }
}

fn report(end: &SlotEnd) -> ExitCode {
    eprintln!("gantry slot: {}", with_causes(end));
    ExitCode::FAILURE
}

/// An error with all that caused it, on one line.
fn with_causes(error: &dyn Error) -> String {
    let mut whole = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        whole.push_str(": ");
        whole.push_str(&error.to_string());
        cause = error.source();
    }
    whole
}
