//! One step: its tries, and what is told of it.

use super::SlotEnd;
use super::attempt::Attempt;
use super::process::{Bounds, Cause, End, run};
use crate::artifact;
use crate::executor::{CommandLine, Environment, StartError, command_line};
use crate::os::Exit;
use model::event::StepEnd;
use model::spec::{Action, EnvVar, StepSpec};
use protocol::slot::v1::from_slot;
use protocol::v1::{StepFinished, StepStarted};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The longest wait before a repetition: doubling a delay ends here.
const DELAY_LIMIT: Duration = Duration::from_secs(60 * 60);

/// What the steps of a job have in common.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) root: PathBuf,
    pub(crate) dir: Option<String>,
    pub(crate) env: Vec<EnvVar>,
    pub(crate) environment: Environment,
    /// The slot's own folder.
    pub(crate) folder: PathBuf,
    /// Where this attempt's artifacts are kept.
    pub(crate) artifacts: PathBuf,
}

/// How a step ended, and why, where that was not its own doing.
#[derive(Debug)]
pub(crate) struct StepResult {
    pub(crate) end: StepEnd,
    pub(crate) cause: Option<Cause>,
    /// Some of its processes are still there.
    pub(crate) stuck: bool,
}

/// Runs a step, and tells when it begins and ends.
pub(crate) fn run_step(
    attempt: &mut Attempt<'_>,
    setting: &Setting,
    step: &StepSpec,
    index: u32,
    bounds: Bounds,
) -> Result<StepResult, SlotEnd> {
    let since = Instant::now();
    attempt.link.tell(from_slot::Body::StepStarted(StepStarted {
        lease: Some(attempt.lease),
        step: index,
        name: step.name.clone(),
        place: Some(step.place.into()),
        log_from: attempt.log().length(),
    }));
    let result = match &step.skip {
        Some(condition) => StepResult::own(StepEnd::Skipped {
            condition: condition.clone(),
        }),
        None => tries(attempt, setting, step, bounds)?,
    };
    attempt
        .link
        .tell(from_slot::Body::StepFinished(StepFinished {
            lease: Some(attempt.lease),
            step: index,
            end: Some((&result.end).into()),
            log_to: attempt.log().length(),
            took_ms: milliseconds(since.elapsed()),
        }));
    Ok(result)
}

/// A time for the wire.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn tries(
    attempt: &mut Attempt<'_>,
    setting: &Setting,
    step: &StepSpec,
    bounds: Bounds,
) -> Result<StepResult, SlotEnd> {
    let mut delay = Duration::from_millis(step.retry.delay_ms);
    for left in (0..=step.retry.times).rev() {
        let result = once(attempt, setting, step, bounds)?;
        // Who has no such program now has none in a second.
        let is_final = matches!(result.end, StepEnd::Succeeded | StepEnd::Error { .. })
            || matches!(result.cause, Some(Cause::Stop | Cause::PhaseTimeout))
            || left == 0;
        if is_final {
            return Ok(result);
        }
        let tries = step.retry.times + 1;
        let next = tries - left + 1;
        attempt.note(&format!("{}; try {next} of {tries}", words(&result.end)));
        let until = Instant::now() + delay;
        while Instant::now() < until && bounds.passed(attempt).is_none() {
            let deadline = bounds.next(attempt).map_or(until, |bound| bound.min(until));
            attempt.wait(None, Some(deadline))?;
        }
        if let Some(cause) = bounds.passed(attempt) {
            return Ok(StepResult::of(End::Ended(cause), step, attempt));
        }
        delay = (delay * 2).min(DELAY_LIMIT);
    }
    // The loop ends with its last try; this is for a step of no tries, which can't be written.
    Ok(StepResult::own(StepEnd::Succeeded))
}

fn once(
    attempt: &mut Attempt<'_>,
    setting: &Setting,
    step: &StepSpec,
    mut bounds: Bounds,
) -> Result<StepResult, SlotEnd> {
    if let Action::Artifact { paths } = &step.action {
        return Ok(StepResult::own(keep(attempt, setting, paths)));
    }
    bounds.step = step
        .timeout_ms
        .and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
    let dir = match step.dir.as_ref().or(setting.dir.as_ref()) {
        Some(dir) => setting.root.join(dir),
        None => setting.root.clone(),
    };
    let prepared = (|| -> Result<_, StartError> {
        let env = setting.environment.with(&[&setting.env, &step.env])?;
        let line: CommandLine = command_line(&step.action, &setting.folder)?.unwrap_or_default();
        Ok((env, line))
    })();
    let end = match prepared {
        Ok((env, line)) => run(attempt, &line, &env, &dir, &bounds)?,
        Err(error) => End::NotStarted(error),
    };
    Ok(StepResult::of(end, step, attempt))
}

/// Keeps files for people. That some are missing fails nothing: hooks keep what there may be.
fn keep(attempt: &mut Attempt<'_>, setting: &Setting, globs: &[String]) -> StepEnd {
    match artifact::keep(&setting.root, globs, &setting.artifacts) {
        Ok(kept) => {
            for glob in kept.unmatched {
                attempt.note(&format!("artifact: no file matches {glob:?}"));
            }
            StepEnd::Succeeded
        }
        Err(error) => StepEnd::Error {
            message: super::with_causes(&error),
        },
    }
}

/// How a try ended, for the log.
fn words(end: &StepEnd) -> String {
    match end {
        StepEnd::Exit { code } => format!("exit code {code}"),
        StepEnd::Signal { signal } => format!("ended by signal {signal}"),
        StepEnd::TimedOut => "timed out".to_owned(),
        StepEnd::Error { message } => message.clone(),
        StepEnd::Succeeded | StepEnd::Stopped | StepEnd::Skipped { .. } => String::new(),
    }
}

impl StepResult {
    fn own(end: StepEnd) -> Self {
        Self {
            end,
            cause: None,
            stuck: false,
        }
    }

    fn of(end: End, step: &StepSpec, attempt: &Attempt<'_>) -> Self {
        let is_success = |code: i32| match &step.exit_codes[..] {
            [] => code == 0,
            codes => codes.contains(&code),
        };
        let error = |message: String| StepEnd::Error {
            message: attempt.log().masker().text(&message),
        };
        let (end, cause, stuck) = match end {
            End::Exit(Exit::Code(code)) if is_success(code) => (StepEnd::Succeeded, None, false),
            End::Exit(Exit::Code(code)) => (StepEnd::Exit { code }, None, false),
            End::Exit(Exit::Signal(signal)) => (StepEnd::Signal { signal }, None, false),
            End::Ended(cause @ (Cause::StepTimeout | Cause::PhaseTimeout)) => {
                (StepEnd::TimedOut, Some(cause), false)
            }
            End::Ended(Cause::Stop) => (StepEnd::Stopped, Some(Cause::Stop), false),
            End::Ended(Cause::Broken) => {
                let message = attempt.broken().unwrap_or_default().to_owned();
                (error(message), Some(Cause::Broken), false)
            }
            End::NotStarted(why) => (error(why.to_string()), None, false),
            End::Stuck => (
                error("some of its processes could not be ended".to_owned()),
                None,
                true,
            ),
        };
        Self { end, cause, stuck }
    }
}
