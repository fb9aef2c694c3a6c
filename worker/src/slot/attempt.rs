//! A running attempt as its steps see it: the line to the worker, and the log that takes their output.

use super::SlotEnd;
use super::link::{Link, Stopping, Wake};
use crate::executor::{CommandLine, StartError, Variables, start};
use crate::log::Log;
use crate::os::Tree;
use protocol::slot::v1::from_slot;
use protocol::v1::{Lease, LogGrew};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the growth of a log is told at the most: fast enough for eyes, and no load.
const GROWTH_INTERVAL: Duration = Duration::from_millis(100);

/// An attempt that runs.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) link: &'a mut Link,
    pub(crate) lease: Lease,
    log: Log,
    /// The length of the log that was told, and when the next may be.
    told: u64,
    tell_at: Instant,
    /// Why the log can't be written any more.
    broken: Option<String>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(link: &'a mut Link, lease: Lease, log: Log) -> Self {
        Self {
            link,
            lease,
            log,
            told: 0,
            tell_at: Instant::now(),
            broken: None,
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Why the attempt can't go on, where its log can't be written.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Whether and how the attempt was told to stop.
    pub(crate) fn stopping(&self) -> Option<&Stopping> {
        self.link.stopping()
    }

    pub(crate) fn start(
        &mut self,
        line: &CommandLine,
        env: &Variables,
        dir: &Path,
    ) -> Result<Tree, StartError> {
        start(self.link.host(), line, env, dir)
    }

    /// Waits until the step's main process has ended (which it says), or there is a reason to look
    /// around: the deadline, a word of the worker, a log that can't be written. Output goes to the log
    /// meanwhile.
    pub(crate) fn wait(
        &mut self,
        tree: Option<&Tree>,
        deadline: Option<Instant>,
    ) -> Result<bool, SlotEnd> {
        loop {
            let grown = self.log.length() > self.told;
            let until = [deadline, grown.then_some(self.tell_at)];
            match self.link.wait(tree, until.into_iter().flatten().min())? {
                Wake::Ended => return Ok(true),
                Wake::Output => self.take_piece(),
                Wake::Look if self.log.length() == self.told => return Ok(false),
                Wake::Look => {}
            }
            let now = Instant::now();
            self.tell_growth(now);
            // Output without a pause must not keep a deadline from being seen.
            if deadline.is_some_and(|deadline| deadline <= now) || self.broken.is_some() {
                return Ok(false);
            }
        }
    }

    /// Takes what is left in the pipe when nobody is there any more who could write to it.
    pub(crate) fn drain(&mut self) -> Result<(), SlotEnd> {
        while self.link.host().take_output().map_err(SlotEnd::System)? {
            self.take_piece();
        }
        let ended = self.log.end_step();
        self.check(ended);
        Ok(())
    }

    /// Adds a line of Gantry's own to the log.
    pub(crate) fn note(&mut self, note: &str) {
        let noted = self.log.note(note);
        self.check(noted);
    }

    fn take_piece(&mut self) {
        if self.broken.is_none() {
            let written = self.log.write(self.link.piece());
            self.check(written);
        }
    }

    fn check(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.broken
                .get_or_insert_with(|| format!("the log can't be written: {error}"));
        }
    }

    fn tell_growth(&mut self, now: Instant) {
        let length = self.log.length();
        if length > self.told && now >= self.tell_at {
            self.told = length;
            self.tell_at = now + GROWTH_INTERVAL;
            self.link.tell(from_slot::Body::LogGrew(LogGrew {
                lease: Some(self.lease),
                length,
            }));
        }
    }
}
