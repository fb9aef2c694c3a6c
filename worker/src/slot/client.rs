//! The worker's side of a slot process: starts it, commands it, hears from it, and knows when it is
//! gone.

use super::config::{Config, PathError};
use super::frame::{Decoder, FrameError, encode};
use crate::os;
use protocol::slot::SLOT_VERSION;
use protocol::slot::v1::{FromSlot, Hello, Ready, Start, ToSlot, from_slot, to_slot};
use protocol::v1::{Acknowledge, Assign, Stop, ToRunner};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long a slot may take to end once its input has ended: its own bounds for ending a tree, and a
/// loaded machine.
const END_LIMIT: Duration = Duration::from_secs(30);

/// How much of the reports is read at once.
const READ_SIZE: usize = 16 << 10;

/// What a slot is told.
#[derive(Debug)]
pub enum SlotCommand {
    /// Run this job. A slot has one at a time; the next may be sent before the last has ended.
    Start(Box<Assign>),
    /// End the steps, and run `always`; a second one ends that too.
    Stop(Stop),
    /// The runner knows how the attempt ended.
    Acknowledge(Acknowledge),
}

/// What a slot reports.
#[derive(Debug, Clone, PartialEq)]
pub enum SlotReport {
    /// It is there. Nothing has to wait for this.
    Ready,
    /// News of an attempt, for the runner.
    News(ToRunner),
}

/// Why a slot can't be used.
#[derive(Debug, Error)]
pub enum SlotError {
    /// The program could not be started.
    #[error("can't start {program}", program = program.display())]
    Start {
        /// Gantry's own executable.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A path of the configuration can't be sent.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The process has ended.
    #[error("the slot process has ended ({how})")]
    Gone {
        /// With an exit code, or by a signal.
        how: String,
    },
    /// It said something that is no report.
    #[error("the slot process can't be understood")]
    Frame(#[source] FrameError),
    /// It is of another build.
    #[error("the slot process speaks version {theirs}, this program version {SLOT_VERSION}")]
    Version {
        /// Its version.
        theirs: u32,
    },
}

/// A slot process. Dropping it ends the slot, with all that runs in it, in its own time.
#[derive(Debug)]
pub struct SlotHandle {
    child: Child,
    pid: u32,
    commands: ChildStdin,
    reports: ChildStdout,
    decoder: Decoder,
}

impl SlotHandle {
    /// Starts a slot: `program args…` must come to [`main`](super::main). Commands may be sent at
    /// once.
    ///
    /// # Errors
    /// Where the program can't be started.
    pub async fn spawn(
        program: &Path,
        args: &[impl AsRef<OsStr>],
        config: &Config,
    ) -> Result<Self, SlotError> {
        let config = config.try_into()?;
        let start = |source| SlotError::Start {
            program: program.to_owned(),
            source,
        };
        let mut command = Command::new(program);
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = os::strays::spawn(&mut command).map_err(start)?;
        let (Some(commands), Some(reports), Some(pid)) =
            (child.stdin.take(), child.stdout.take(), child.id())
        else {
            return Err(start(io::Error::other("it has ended already")));
        };
        let mut slot = Self {
            child,
            pid,
            commands,
            reports,
            decoder: Decoder::default(),
        };
        let hello = Hello {
            protocol: SLOT_VERSION,
            config: Some(config),
        };
        slot.write(to_slot::Body::Hello(hello)).await?;
        Ok(slot)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a command.
    ///
    /// # Errors
    /// Where the process has ended.
    pub async fn send(&mut self, command: SlotCommand) -> Result<(), SlotError> {
        self.write(match command {
            SlotCommand::Start(assign) => to_slot::Body::Start(Box::new(Start {
                assign: Some(*assign),
            })),
            SlotCommand::Stop(stop) => to_slot::Body::Stop(stop),
            SlotCommand::Acknowledge(acknowledge) => to_slot::Body::Acknowledge(acknowledge),
        })
        .await
    }

    /// The next report. May be dropped at any time (as in `select!`) without losing one.
    ///
    /// # Errors
    /// Where the process has ended, or can't be understood; all that it left behind has ended then.
    pub async fn recv(&mut self) -> Result<SlotReport, SlotError> {
        loop {
            match self.decoder.next::<FromSlot>() {
                Ok(Some(FromSlot { body: Some(body) })) => return report(body),
                // Of a newer version; what must not be passed over raises the version itself.
                Ok(Some(FromSlot { body: None })) => continue,
                Ok(None) => {}
                Err(error) => return Err(SlotError::Frame(error)),
            }
            let mut piece = [0; READ_SIZE];
            match self.reports.read(&mut piece).await {
                Ok(0) => return Err(self.gone().await),
                Ok(n) => self.decoder.push(&piece[..n]),
                Err(error) => return Err(SlotError::Frame(error.into())),
            }
        }
    }

    /// Ends the slot: politely by closing its input, which ends the tree of its steps first, and by
    /// force where that takes too long.
    pub async fn close(mut self) {
        drop(self.commands);
        if tokio::time::timeout(END_LIMIT, self.child.wait())
            .await
            .is_err()
        {
            // It has ended meanwhile, or it can't be ended; there is nothing else to try.
            let _ = self.child.kill().await;
        }
        end_strays(self.pid).await;
    }

    async fn write(&mut self, body: to_slot::Body) -> Result<(), SlotError> {
        let mut bytes = Vec::new();
        encode(&ToSlot { body: Some(body) }, &mut bytes);
        match self.commands.write_all(&bytes).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.gone().await),
        }
    }

    /// How it ended. Called once its output has ended, so that the process is about to follow.
    async fn gone(&mut self) -> SlotError {
        let how = match tokio::time::timeout(END_LIMIT, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => {
                let _ = self.child.kill().await;
                "it closed its output, and was killed".to_owned()
            }
        };
        end_strays(self.pid).await;
        SlotError::Gone { how }
    }
}

/// Ends what a slot that is gone has left running, away from the thread that drives everything else.
async fn end_strays(slot: u32) {
    // It fails only where the runtime is shutting down, and then the process ends anyway.
    let _ = tokio::task::spawn_blocking(move || os::strays::end(slot)).await;
}

fn report(body: from_slot::Body) -> Result<SlotReport, SlotError> {
    let news: ToRunner = match body {
        from_slot::Body::Ready(Ready { protocol }) if protocol != SLOT_VERSION => {
            return Err(SlotError::Version { theirs: protocol });
        }
        from_slot::Body::Ready(_) => return Ok(SlotReport::Ready),
        from_slot::Body::Started(body) => body.into(),
        from_slot::Body::StepStarted(body) => body.into(),
        from_slot::Body::StepFinished(body) => body.into(),
        from_slot::Body::LogGrew(body) => body.into(),
        from_slot::Body::Finished(body) => body.into(),
    };
    Ok(SlotReport::News(news))
}
