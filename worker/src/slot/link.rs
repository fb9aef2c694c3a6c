//! The slot's end of the line: takes commands while a job runs, and tells reports, each in the journal
//! before it is sent.

use super::SlotEnd;
use super::frame::{Decoder, append};
use super::journal::Journal;
use crate::os::{Event, Host, Tree};
use prost::Message as _;
use protocol::slot::v1::{FromSlot, ToSlot, from_slot, to_slot};
use protocol::v1::{Acknowledge, Assign, Finished, Lease, Outcome, Stop, outcome};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a report may wait for the next one. A short job is over by then, and its reports cost the
/// worker one wake-up and one transaction instead of four.
const REPORT_DELAY: Duration = Duration::from_millis(2);

/// The line to the worker.
#[derive(Debug)]
pub(crate) struct Link {
    host: Host,
    decoder: Decoder,
    journal: Option<Journal>,
    /// Reports that are not sent yet, and since when they wait.
    pending: Vec<u8>,
    pending_since: Option<Instant>,
    /// Jobs that were sent ahead.
    ahead: VecDeque<Assign>,
    /// The attempt that runs.
    lease: Option<Lease>,
    stopping: Option<Stopping>,
}

/// The attempt was told to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stopping {
    pub(crate) reason: String,
    pub(crate) grace: Duration,
    /// When it was told first.
    pub(crate) since: Instant,
    /// How often it was told.
    pub(crate) times: u32,
}

/// What a wait has ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// There is output: [`Link::piece`].
    Output,
    /// The step's main process has ended.
    Ended,
    /// It is late, or the worker has said something.
    Look,
}

impl Link {
    pub(crate) fn new(host: Host) -> Self {
        Self {
            host,
            decoder: Decoder::default(),
            journal: None,
            pending: Vec::new(),
            pending_since: None,
            ahead: VecDeque::new(),
            lease: None,
            stopping: None,
        }
    }

    /// From now on all that is told is kept there first.
    pub(crate) fn keep_in(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// The system below.
    pub(crate) fn host(&mut self) -> &mut Host {
        &mut self.host
    }

    /// The first message of the worker.
    pub(crate) fn first(&mut self) -> Result<ToSlot, SlotEnd> {
        loop {
            if let Some(message) = self.decoder.next()? {
                return Ok(message);
            }
            self.receive(None, None)?;
        }
    }

    /// Waits for the next job.
    pub(crate) fn next_job(&mut self) -> Result<Assign, SlotEnd> {
        self.lease = None;
        self.stopping = None;
        loop {
            if let Some(assign) = self.ahead.pop_front() {
                self.lease = assign.lease;
                return Ok(assign);
            }
            self.wait(None, None)?;
        }
    }

    /// Whether and how the attempt was told to stop.
    pub(crate) fn stopping(&self) -> Option<&Stopping> {
        self.stopping.as_ref()
    }

    /// Waits for something that concerns the running attempt, and sends what was told meanwhile.
    pub(crate) fn wait(
        &mut self,
        tree: Option<&Tree>,
        deadline: Option<Instant>,
    ) -> Result<Wake, SlotEnd> {
        // What came together with the last message that was waited for.
        if self.obey()? {
            return Ok(Wake::Look);
        }
        let send_at = self.pending_since.map(|since| since + REPORT_DELAY);
        let until = [deadline, send_at].into_iter().flatten().min();
        let event = self.receive(tree, until)?;
        if send_at.is_some_and(|at| at <= Instant::now()) {
            self.send()?;
        }
        Ok(match event {
            Event::Output => Wake::Output,
            Event::Ended => Wake::Ended,
            Event::Commands | Event::WorkerGone | Event::Deadline => {
                self.obey()?;
                Wake::Look
            }
        })
    }

    /// What the last wait brought.
    pub(crate) fn piece(&self) -> &[u8] {
        self.host.piece()
    }

    /// Tells the worker; it is sent with what follows at once, or after a short while.
    pub(crate) fn tell(&mut self, body: from_slot::Body) {
        let report = FromSlot { body: Some(body) };
        let encoded = report.encode_to_vec();
        if let Some(journal) = &mut self.journal {
            journal.add(&report, &encoded);
        }
        append(&encoded, &mut self.pending);
        self.pending_since.get_or_insert_with(Instant::now);
    }

    /// Sends all that was told, after it is in the journal.
    pub(crate) fn send(&mut self) -> Result<(), SlotEnd> {
        self.pending_since = None;
        if let Some(journal) = &mut self.journal {
            journal.write().map_err(SlotEnd::Journal)?;
        }
        // The other end is closed, or broken: either way nobody is there.
        let sent = self.host.report(&self.pending);
        self.pending.clear();
        sent.map_err(|_| SlotEnd::WorkerGone)
    }

    fn receive(
        &mut self,
        tree: Option<&Tree>,
        deadline: Option<Instant>,
    ) -> Result<Event, SlotEnd> {
        let event = self.host.wait(tree, deadline).map_err(SlotEnd::System)?;
        match event {
            Event::Commands => self.decoder.push(self.host.piece()),
            Event::WorkerGone => return Err(SlotEnd::WorkerGone),
            _ => {}
        }
        Ok(event)
    }

    /// Does what the worker has said; whether it has said anything.
    fn obey(&mut self) -> Result<bool, SlotEnd> {
        let mut has_obeyed = false;
        while let Some(ToSlot { body }) = self.decoder.next()? {
            match body {
                Some(to_slot::Body::Start(start)) => self.ahead.extend(start.assign),
                Some(to_slot::Body::Stop(stop)) => self.stop(stop),
                Some(to_slot::Body::Acknowledge(Acknowledge { lease })) => {
                    if let Some(journal) = &mut self.journal {
                        journal.acknowledge(lease).map_err(SlotEnd::Journal)?;
                    }
                }
                // A second greeting says nothing new; what a newer worker says beyond this version is
                // not for us.
                Some(to_slot::Body::Hello(_)) | None => {}
            }
            has_obeyed = true;
        }
        Ok(has_obeyed)
    }

    fn stop(&mut self, stop: Stop) {
        if stop.lease == self.lease {
            let grace = Duration::from_millis(stop.grace_ms);
            let stopping = self.stopping.get_or_insert_with(|| Stopping {
                reason: stop.reason,
                grace,
                since: Instant::now(),
                times: 0,
            });
            stopping.times += 1;
            return;
        }
        let before = self.ahead.len();
        self.ahead.retain(|assign| assign.lease != stop.lease);
        // Neither here nor ahead: it has ended, and the worker will read that.
        if self.ahead.len() < before {
            self.tell(from_slot::Body::Finished(Finished {
                lease: stop.lease,
                outcome: Some(Outcome {
                    outcome: Some(outcome::Outcome::Canceled(stop.reason)),
                }),
                ..Finished::default()
            }));
        }
    }
}
