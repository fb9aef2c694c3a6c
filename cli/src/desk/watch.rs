//! Watches a run until it has ended: shows its events, and cancels it when a person asks to.

use super::signals::{Signals, Stop};
use crate::error::{Error, Result};
use crate::output::{Printer, TICK_MS};
use model::event::{Event, EventKind};
use model::outcome::Outcome;
use runner::engine::{Handle, Subscription};
use std::io;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// How a run ended for the one who watched it.
#[derive(Debug)]
pub enum Watched {
    /// With this outcome.
    Ended(Outcome),
    /// Its engine ended before it did; why, the engine says.
    Abandoned,
    /// A person would not wait for its end.
    Forced,
}

/// Shows all events of a run.
pub async fn watch(
    events: &mut Subscription,
    handle: &Handle,
    signals: &mut Signals,
    printer: Box<dyn Printer>,
) -> Result<Watched> {
    let mut shown = Shown {
        printer,
        start: Instant::now(),
        outcome: None,
        failed: None,
    };
    let mut ticker = interval(Duration::from_millis(TICK_MS));
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_canceled = false;
    loop {
        tokio::select! {
            biased;
            stop = signals.recv() => {
                if is_canceled {
                    shown.note("ended by force");
                    return Ok(Watched::Forced);
                }
                is_canceled = true;
                shown.note(match stop {
                    Stop::Interrupt => "canceling: jobs are asked to end; Ctrl-C once more ends them by force",
                    Stop::Terminate => "canceling: jobs are asked to end; the same signal once more ends them by force",
                });
                handle.cancel(events.run(), stop.name()).await;
            }
            event = events.recv() => {
                let Some(event) = event else { break };
                shown.event(&event);
                while let Some(event) = events.try_recv() {
                    shown.event(&event);
                }
                shown.print(|printer, _| printer.flush());
            }
            _ = ticker.tick() => shown.print(|printer, now_ms| printer.tick(now_ms)),
        }
    }
    match (shown.outcome, shown.failed) {
        (Some(_), Some(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::from(error))
        }
        (Some(outcome), _) => Ok(Watched::Ended(outcome)),
        (None, _) => Ok(Watched::Abandoned),
    }
}

/// What was shown. The run goes on where nothing can be shown any more.
struct Shown {
    printer: Box<dyn Printer>,
    start: Instant,
    outcome: Option<Outcome>,
    failed: Option<io::Error>,
}

impl Shown {
    fn event(&mut self, event: &Event) {
        if let EventKind::RunFinished { outcome, .. } = &event.kind {
            self.outcome = Some(outcome.clone());
        }
        self.print(|printer, now_ms| printer.event(event, now_ms));
    }

    fn note(&mut self, text: &str) {
        self.print(|printer, _| {
            printer.note(text)?;
            printer.flush()
        });
    }

    fn print(&mut self, print: impl FnOnce(&mut dyn Printer, u64) -> io::Result<()>) {
        if self.failed.is_none() {
            let now_ms = self.start.elapsed().as_millis() as u64;
            self.failed = print(&mut *self.printer, now_ms).err();
        }
    }
}
