//! One attempt of a job, from its assignment to its end.

use super::attempt::Attempt;
use super::link::Link;
use super::process::{Bounds, Cause};
use super::step::{Setting, StepResult, milliseconds, run_step};
use super::{Config, SlotEnd, with_causes};
use crate::blobs::Blobs;
use crate::executor::{Environment, Places};
use crate::log::Log;
use crate::mask::Masker;
use crate::workspace::{Request, Source, Workspace, Workspaces};
use crate::{output, produce};
use model::event::StepEnd;
use model::outcome::{Failure, Outcome};
use model::spec::{HOOK_TIMEOUT_MS, JobSpec, StepSpec};
use protocol::slot::v1::from_slot;
use protocol::v1::{Assign, Finished, Started};
use protocol::{ConvertError, Lease, convert};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Runs jobs, one after the other.
#[derive(Debug)]
pub(crate) struct Jobs {
    config: Config,
    workspaces: Workspaces,
    blobs: Blobs,
    /// The file of outputs.
    output: PathBuf,
}

/// What a job gave.
#[derive(Debug, Default)]
struct Gave {
    outputs: BTreeMap<String, String>,
    produced: Option<String>,
}

impl Jobs {
    pub(crate) fn new(config: Config) -> Result<Self, SlotEnd> {
        let blobs = Blobs::new(config.dirs.blobs.clone(), config.durable);
        let jobs = Self {
            workspaces: Workspaces::new(config.dirs.work.clone(), blobs.clone()),
            blobs,
            output: config.folder.join("output"),
            config,
        };
        // Of a slot that was killed.
        jobs.forget_outputs()?;
        Ok(jobs)
    }

    /// Runs one job. Its end is told before anything is cleaned up.
    pub(crate) fn run(&mut self, link: &mut Link, assign: Assign) -> Result<(), SlotEnd> {
        let since = Instant::now();
        let Some(lease) = assign.lease else {
            return Err(SlotEnd::NoLease);
        };
        link.tell(from_slot::Body::Started(Started { lease: Some(lease) }));
        if self.config.durable {
            // From here on the job may have effects, so that it must not be forgotten.
            link.send()?;
        }
        let order = match Order::read(assign) {
            Ok(order) => order,
            Err(message) => {
                let outcome = Outcome::Failed {
                    failure: Failure::System { message },
                };
                return finish(link, lease, &outcome, Gave::default(), 0, since);
            }
        };
        let path = self
            .config
            .logs
            .join(format!("{}.log", order.lease.attempt.path()));
        let log = Log::new(path, order.masker);
        let mut attempt = Attempt::new(link, lease, log);
        let request = Request {
            key: &order.spec.workspace,
            source: &order.source,
            sources: &order.spec.sources,
        };
        let workspace = match self.workspaces.prepare(&request) {
            Ok(workspace) => workspace,
            Err(error) => {
                let outcome = Outcome::Failed {
                    failure: Failure::Workspace {
                        message: with_causes(&error),
                    },
                };
                let length = attempt.log().length();
                return finish(link, lease, &outcome, Gave::default(), length, since);
            }
        };
        let setting = self.setting(&order.spec, order.lease, order.secrets, &workspace);
        for warning in workspace.warnings() {
            attempt.note(warning);
        }
        for name in attempt.log().masker().unmasked().to_vec() {
            attempt.note(&format!("the secret {name} is too short to be masked"));
        }
        let mut run = Run {
            attempt,
            setting,
            spec: &order.spec,
            next_step: 0,
            stuck: false,
        };
        let (outcome, gave) = run.all(&self.output, &self.blobs)?;
        let stuck = run.stuck;
        let length = run.attempt.log().length();
        finish(link, lease, &outcome, gave, length, since)?;
        self.forget_outputs()?;
        self.workspaces.finish(workspace, !outcome.is_success());
        match stuck {
            true => Err(SlotEnd::Stuck),
            false => Ok(()),
        }
    }

    /// The next job must not find what was written for this one, and a secret may be in it.
    fn forget_outputs(&self) -> Result<(), SlotEnd> {
        let removed = match fs::symlink_metadata(&self.output) {
            // Steps can put in its place what they like.
            Ok(found) if found.is_dir() => fs::remove_dir_all(&self.output),
            Ok(_) => fs::remove_file(&self.output),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SlotEnd::System(error)),
            _ => Ok(()),
        }
    }

    fn setting(
        &self,
        spec: &JobSpec,
        lease: Lease,
        secrets: BTreeMap<String, Vec<u8>>,
        workspace: &Workspace,
    ) -> Setting {
        let places = Places {
            root: workspace.root(),
            home: workspace.home(),
            tmp: workspace.tmp(),
            output: &self.output,
        };
        let attempt = lease.attempt;
        Setting {
            root: workspace.root().to_owned(),
            dir: spec.dir.clone(),
            env: spec.env.clone(),
            environment: Environment::new(&self.config.env, places, &spec.name, attempt, secrets),
            folder: self.config.folder.clone(),
            artifacts: self.config.dirs.artifacts.join(attempt.path()),
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        // The worker is gone in the middle of a job.
        let _ = self.forget_outputs();
    }
}

/// An assignment in the model's types.
struct Order {
    lease: Lease,
    spec: JobSpec,
    source: Source,
    secrets: BTreeMap<String, Vec<u8>>,
    masker: Masker,
}

impl Order {
    fn read(assign: Assign) -> Result<Self, String> {
        let wrong = |error: ConvertError| format!("the job can't be understood: {error}");
        let source = assign.source.map(protocol::Source::try_from);
        let masker = Masker::new(&assign.secrets)
            .map_err(|error| format!("the secrets can't be masked: {error}"))?;
        Ok(Self {
            lease: convert::required(assign.lease, "lease").map_err(wrong)?,
            spec: convert::required(assign.spec, "spec").map_err(wrong)?,
            source: match source.transpose().map_err(wrong)? {
                None => Source::None,
                Some(protocol::Source::Snapshot(path)) => Source::Snapshot(path),
                Some(protocol::Source::InPlace(path)) => Source::InPlace(path),
            },
            secrets: assign.secrets,
            masker,
        })
    }
}

/// Tells how an attempt ended, at once.
fn finish(
    link: &mut Link,
    lease: protocol::v1::Lease,
    outcome: &Outcome,
    gave: Gave,
    log_length: u64,
    since: Instant,
) -> Result<(), SlotEnd> {
    link.tell(from_slot::Body::Finished(Finished {
        lease: Some(lease),
        outcome: Some(outcome.into()),
        outputs: gave.outputs,
        produced: gave.produced,
        log_length,
        took_ms: milliseconds(since.elapsed()),
    }));
    link.send()
}

/// The steps of a job in its workspace.
struct Run<'a> {
    attempt: Attempt<'a>,
    setting: Setting,
    spec: &'a JobSpec,
    next_step: u32,
    stuck: bool,
}

impl Run<'_> {
    /// The steps, what they gave, and the hooks. What a job gives is read before its hooks run, so
    /// that they know how it ended, and one that cleans up takes nothing away.
    fn all(&mut self, output: &Path, blobs: &Blobs) -> Result<(Outcome, Gave), SlotEnd> {
        let since = Instant::now();
        let deadline = self
            .spec
            .timeout_ms
            .and_then(|ms| since.checked_add(Duration::from_millis(ms)));
        let bounds = Bounds {
            step: None,
            phase: deadline,
            since,
            stops: 0,
        };
        let mut outcome = self.steps(&self.spec.steps, bounds)?;
        // Hooks that come as they run are numbered after all the main steps.
        self.next_step = u32::try_from(self.spec.steps.len()).unwrap_or(u32::MAX);
        let mut gave = Gave::default();
        if outcome.is_success() {
            match self.gave(output, blobs) {
                Ok(all) => gave = all,
                Err(failure) => outcome = Outcome::Failed { failure },
            }
        }
        let outcome = self.hooks(outcome, deadline)?;
        if !outcome.is_success() {
            gave = Gave::default();
        }
        Ok((outcome, gave))
    }

    /// The steps up to the first that fails.
    fn steps(&mut self, steps: &[StepSpec], bounds: Bounds) -> Result<Outcome, SlotEnd> {
        for step in steps {
            let outcome = self.step(step, bounds)?;
            if !outcome.is_success() {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Succeeded)
    }

    /// One step, or why it is not even started.
    fn step(&mut self, step: &StepSpec, bounds: Bounds) -> Result<Outcome, SlotEnd> {
        if let Some(cause) = bounds.passed(&self.attempt) {
            return Ok(self.ended(cause, None, step));
        }
        let index = self.next_step;
        self.next_step += 1;
        let result = run_step(&mut self.attempt, &self.setting, step, index, bounds)?;
        self.stuck |= result.stuck;
        let StepResult { end, cause, .. } = result;
        if let Some(cause) = cause {
            let outcome = self.ended(cause, Some(index), step);
            let is_passed_over = step.allow_failure && cause == Cause::StepTimeout;
            return Ok(if is_passed_over {
                Outcome::Succeeded
            } else {
                outcome
            });
        }
        if step.allow_failure && !self.stuck {
            return Ok(Outcome::Succeeded);
        }
        let step = index;
        Ok(match end {
            StepEnd::Succeeded | StepEnd::Skipped { .. } => Outcome::Succeeded,
            StepEnd::Exit { code } => failed(Failure::Exit { step, code }),
            StepEnd::Signal { signal } => failed(Failure::Signal { step, signal }),
            StepEnd::Error { message } if self.stuck => failed(Failure::System { message }),
            StepEnd::Error { message } => failed(Failure::Start { step, message }),
            // Both have a cause.
            StepEnd::TimedOut | StepEnd::Stopped => Outcome::Succeeded,
        })
    }

    /// The outcome of a job that was ended.
    fn ended(&self, cause: Cause, index: Option<u32>, step: &StepSpec) -> Outcome {
        match cause {
            Cause::Stop => Outcome::Canceled {
                by: self
                    .attempt
                    .stopping()
                    .map_or_else(String::new, |stop| stop.reason.clone()),
            },
            Cause::StepTimeout => Outcome::TimedOut {
                after_ms: step.timeout_ms.unwrap_or_default(),
                step: index,
            },
            Cause::PhaseTimeout => Outcome::TimedOut {
                after_ms: self.spec.timeout_ms.unwrap_or(HOOK_TIMEOUT_MS),
                step: index,
            },
            Cause::Broken => failed(Failure::System {
                message: self.attempt.broken().unwrap_or_default().to_owned(),
            }),
        }
    }

    /// Reads the outputs, and keeps what is produced.
    fn gave(&mut self, output: &Path, blobs: &Blobs) -> Result<Gave, Failure> {
        let outputs = output::read(output, &self.spec.outputs, self.attempt.log().masker())
            .map_err(|error| Failure::Output {
                message: with_causes(&error),
            })?;
        let outputs = outputs
            .into_iter()
            .map(|(name, value)| (name, value.to_json()))
            .collect();
        let produced =
            produce::collect(&self.setting.root, &self.spec.produces, blobs).map_err(|error| {
                Failure::Produces {
                    message: with_causes(&error),
                }
            })?;
        Ok(Gave {
            outputs: convert::outputs_to_wire(&outputs),
            produced,
        })
    }

    /// The hooks that this outcome asks for. The first thing that went wrong stays the outcome.
    fn hooks(&mut self, outcome: Outcome, deadline: Option<Instant>) -> Result<Outcome, SlotEnd> {
        let spec = self.spec;
        if spec.hooks.is_empty() {
            return Ok(outcome);
        }
        let since = Instant::now();
        let budget = since + Duration::from_millis(HOOK_TIMEOUT_MS);
        let was_ended = matches!(outcome, Outcome::TimedOut { .. } | Outcome::Canceled { .. });
        let phase = match was_ended {
            true => Some(budget),
            // Nobody has asked for its end: hooks have what is left of the job's time, and never less
            // than those of a job that was ended.
            false => deadline.map(|deadline| deadline.max(budget)),
        };
        let bounds = Bounds {
            step: None,
            phase,
            since,
            stops: 0,
        };
        let mut outcome = match &outcome {
            Outcome::Succeeded => self.steps(&spec.hooks.on_success, bounds)?,
            Outcome::Canceled { .. } => outcome,
            _ => {
                self.each(&spec.hooks.on_failure, bounds)?;
                outcome
            }
        };
        let is_stopped = self.attempt.stopping().is_some();
        let since = Instant::now();
        let bounds = Bounds {
            phase: match is_stopped && !was_ended {
                true => Some(since + Duration::from_millis(HOOK_TIMEOUT_MS)),
                false => phase,
            },
            since,
            stops: 1,
            ..bounds
        };
        let cleaned = self.each(&spec.hooks.always, bounds)?;
        if outcome.is_success() {
            outcome = cleaned;
        }
        Ok(outcome)
    }

    /// All of the steps, whatever becomes of each: one that cleans up does not need the one before.
    fn each(&mut self, steps: &[StepSpec], bounds: Bounds) -> Result<Outcome, SlotEnd> {
        let mut first = Outcome::Succeeded;
        for step in steps {
            let outcome = self.step(step, bounds)?;
            if first.is_success() {
                first = outcome;
            }
        }
        Ok(first)
    }
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Failed { failure }
}
