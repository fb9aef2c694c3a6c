//! One program, from its start to the end of all that came of it.

use super::SlotEnd;
use super::attempt::Attempt;
use crate::executor::{CommandLine, StartError, Variables};
use crate::os::{Exit, Tree};
use model::spec::HOOK_TIMEOUT_MS;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a step that ran out of time may take to end by itself: to write a report, to remove a lock.
const TIMEOUT_GRACE: Duration = Duration::from_secs(5);

/// How long processes that a step left behind may take to end by themselves. Nobody waits for what they
/// do, and the next job waits for them.
const REST_GRACE: Duration = Duration::from_secs(1);

/// How long to go on killing. A killed process is gone within microseconds unless the kernel itself
/// hangs on it (a dead network disk), and then no time is enough.
pub(super) const KILL_LIMIT: Duration = Duration::from_secs(10);

/// How often to look whether all orphans have ended. Nothing tells that, and it is rare.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// When a program is ended, if it doesn't end before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The time of this try.
    pub(crate) step: Option<Instant>,
    /// The time of all steps of its phase.
    pub(crate) phase: Option<Instant>,
    /// When its phase began.
    pub(crate) since: Instant,
    /// How many stops it survives: none, or one where it cleans up.
    pub(crate) stops: u32,
}

/// Why a program was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    StepTimeout,
    PhaseTimeout,
    Stop,
    /// The log can't be written.
    Broken,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) enum End {
    Exit(Exit),
    Ended(Cause),
    NotStarted(StartError),
    /// Some of its processes can't be ended.
    Stuck,
}

impl Bounds {
    /// The first bound that is passed now.
    pub(crate) fn passed(&self, attempt: &Attempt<'_>) -> Option<Cause> {
        let now = Instant::now();
        let is_over = |bound: Option<Instant>| bound.is_some_and(|bound| bound <= now);
        if attempt.broken().is_some() {
            return Some(Cause::Broken);
        }
        if attempt
            .stopping()
            .is_some_and(|stop| stop.times > self.stops)
        {
            return Some(Cause::Stop);
        }
        if is_over(self.phase_end(attempt)) {
            return Some(Cause::PhaseTimeout);
        }
        is_over(self.step).then_some(Cause::StepTimeout)
    }

    /// When the next one is.
    pub(crate) fn next(&self, attempt: &Attempt<'_>) -> Option<Instant> {
        [self.step, self.phase_end(attempt)]
            .into_iter()
            .flatten()
            .min()
    }

    /// A stop that comes while hooks run that survive it gives them as much time as if it had come
    /// before.
    fn phase_end(&self, attempt: &Attempt<'_>) -> Option<Instant> {
        let since_stop = attempt
            .stopping()
            .filter(|stop| self.stops > 0 && stop.since > self.since)
            .map(|stop| stop.since + Duration::from_millis(HOOK_TIMEOUT_MS));
        [self.phase, since_stop].into_iter().flatten().min()
    }
}

/// Runs a program. When this returns, nothing that it started is left, unless it says so.
pub(crate) fn run(
    attempt: &mut Attempt<'_>,
    line: &CommandLine,
    env: &Variables,
    dir: &Path,
    bounds: &Bounds,
) -> Result<End, SlotEnd> {
    let mut tree = match attempt.start(line, env, dir) {
        Ok(tree) => tree,
        Err(error) => return Ok(End::NotStarted(error)),
    };
    let mut ending = Ending::No;
    while !attempt.wait(Some(&tree), ending.next(attempt, bounds))? {
        ending = ending.go_on(attempt, &tree, bounds);
        if let Ending::Stuck = ending {
            return give_up(attempt);
        }
    }
    let exit = tree.bury().map_err(SlotEnd::System)?;
    if attempt.link.host().has_rest() && !end_rest(attempt, &ending)? {
        return give_up(attempt);
    }
    attempt.drain()?;
    Ok(match ending.cause() {
        None => End::Exit(exit),
        Some(cause) => End::Ended(cause),
    })
}

/// How far the end of a running program is.
#[derive(Debug, Clone, Copy)]
enum Ending {
    No,
    /// It was asked, by the so-manieth stop, and is killed at that time.
    Asked(Cause, u32, Instant),
    /// It was killed, and is given up at that time.
    Killed(Cause, Instant),
    Stuck,
}

impl Ending {
    fn next(self, attempt: &Attempt<'_>, bounds: &Bounds) -> Option<Instant> {
        match self {
            Self::No => bounds.next(attempt),
            Self::Asked(_, _, at) => Some(at),
            Self::Killed(_, at) => Some(at.min(Instant::now() + LOOK_INTERVAL)),
            Self::Stuck => None,
        }
    }

    fn cause(self) -> Option<Cause> {
        match self {
            Self::Asked(cause, ..) | Self::Killed(cause, _) => Some(cause),
            Self::No | Self::Stuck => None,
        }
    }

    /// The first stop asks, the second kills; so does the end of the time.
    fn go_on(self, attempt: &mut Attempt<'_>, tree: &Tree, bounds: &Bounds) -> Self {
        let now = Instant::now();
        let stops = attempt.stopping().map_or(0, |stop| stop.times);
        match self {
            Self::No => match bounds.passed(attempt) {
                None => Self::No,
                Some(cause) => {
                    tree.ask();
                    let grace = attempt
                        .stopping()
                        .filter(|_| cause == Cause::Stop)
                        .map_or(TIMEOUT_GRACE, |stop| stop.grace);
                    Self::Asked(cause, stops, now + grace)
                }
            },
            Self::Asked(cause, asked, at) if now >= at || stops > asked => {
                attempt.link.host().kill();
                Self::Killed(cause, now + KILL_LIMIT)
            }
            Self::Killed(_, at) if now >= at => Self::Stuck,
            Self::Killed(..) => {
                attempt.link.host().kill();
                self
            }
            _ => self,
        }
    }
}

/// Ends what is left after the main process. Whether it has ended.
fn end_rest(attempt: &mut Attempt<'_>, ending: &Ending) -> Result<bool, SlotEnd> {
    let now = Instant::now();
    let kill_at = match ending {
        Ending::Killed(..) => now,
        // They had the chance that the main process had, and it has used less than its time.
        Ending::Asked(_, _, at) => (*at).min(now + REST_GRACE),
        _ => now + REST_GRACE,
    };
    let n = attempt.link.host().ask_rest();
    if ending.cause().is_none() && n > 0 {
        let what = if n == 1 { "a process" } else { "processes" };
        attempt.note(&format!("the step left {what} running; ended"));
    }
    let limit = kill_at + KILL_LIMIT;
    while attempt.link.host().has_rest() {
        let now = Instant::now();
        if now >= limit {
            return Ok(false);
        }
        if now >= kill_at {
            attempt.link.host().kill();
        }
        attempt.wait(None, Some(now + LOOK_INTERVAL))?;
    }
    Ok(true)
}

/// Some processes can't be ended: what they still write must not come into another step's log.
fn give_up(attempt: &mut Attempt<'_>) -> Result<End, SlotEnd> {
    attempt.drain()?;
    attempt
        .link
        .host()
        .renew_output()
        .map_err(SlotEnd::System)?;
    Ok(End::Stuck)
}
