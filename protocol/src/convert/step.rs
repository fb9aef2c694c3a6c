//! Steps: what they are, where they stand, and how they end.

use super::error::{ConvertError, Problem, each, required};
use crate::v1;
use model::event::StepEnd;
use model::spec::{Action, Place, Shell, StepRetry, StepSpec};

impl From<&StepSpec> for v1::Step {
    fn from(step: &StepSpec) -> Self {
        let StepSpec {
            name,
            place,
            action,
            env,
            dir,
            timeout_ms,
            retry,
            exit_codes,
            allow_failure,
            skip,
        } = step;
        Self {
            name: name.clone(),
            place: Some((*place).into()),
            action: Some(action.into()),
            env: env.iter().map(Into::into).collect(),
            dir: dir.clone(),
            timeout_ms: *timeout_ms,
            retry_times: retry.times,
            retry_delay_ms: retry.delay_ms,
            exit_codes: exit_codes.clone(),
            allow_failure: *allow_failure,
            skip: skip.clone(),
        }
    }
}

impl TryFrom<v1::Step> for StepSpec {
    type Error = ConvertError;

    fn try_from(step: v1::Step) -> Result<Self, ConvertError> {
        Ok(Self {
            name: step.name,
            place: required(step.place, "place")?,
            action: required(step.action, "action")?,
            env: each(step.env, "env")?,
            dir: step.dir,
            timeout_ms: step.timeout_ms,
            retry: StepRetry {
                times: step.retry_times,
                delay_ms: step.retry_delay_ms,
            },
            exit_codes: step.exit_codes,
            allow_failure: step.allow_failure,
            skip: step.skip,
        })
    }
}

impl From<&Action> for v1::step::Action {
    fn from(action: &Action) -> Self {
        match action.clone() {
            Action::Script { shell, text } => Self::Script(v1::Script {
                shell: v1::Shell::from(shell).into(),
                text,
            }),
            Action::Exec { argv } => Self::Exec(v1::Exec { argv }),
            Action::Artifact { paths } => Self::Artifact(v1::Globs { globs: paths }),
        }
    }
}

impl TryFrom<v1::step::Action> for Action {
    type Error = ConvertError;

    fn try_from(action: v1::step::Action) -> Result<Self, ConvertError> {
        use v1::step::Action as Wire;
        Ok(match action {
            Wire::Script(v1::Script { shell, text }) => Self::Script {
                shell: shell_from_wire(shell)?,
                text,
            },
            Wire::Exec(v1::Exec { argv }) => Self::Exec { argv },
            Wire::Artifact(v1::Globs { globs }) => Self::Artifact { paths: globs },
        })
    }
}

impl From<Shell> for v1::Shell {
    fn from(shell: Shell) -> Self {
        match shell {
            Shell::Sh => Self::Sh,
            Shell::Bash => Self::Bash,
            Shell::Pwsh => Self::Pwsh,
            Shell::Powershell => Self::Powershell,
            Shell::Cmd => Self::Cmd,
            Shell::Python => Self::Python,
        }
    }
}

fn shell_from_wire(number: i32) -> Result<Shell, ConvertError> {
    let known = v1::Shell::try_from(number)
        .map_err(|_| ConvertError::new("shell", Problem::Unknown(number)))?;
    Ok(match known {
        v1::Shell::Sh => Shell::Sh,
        v1::Shell::Bash => Shell::Bash,
        v1::Shell::Pwsh => Shell::Pwsh,
        v1::Shell::Powershell => Shell::Powershell,
        v1::Shell::Cmd => Shell::Cmd,
        v1::Shell::Python => Shell::Python,
        v1::Shell::Unspecified => return Err(ConvertError::new("shell", Problem::Missing)),
    })
}

impl From<Place> for v1::Place {
    fn from(Place { line, column }: Place) -> Self {
        Self { line, column }
    }
}

impl From<v1::Place> for Place {
    fn from(v1::Place { line, column }: v1::Place) -> Self {
        Self { line, column }
    }
}

impl From<&StepEnd> for v1::StepEnd {
    fn from(end: &StepEnd) -> Self {
        use v1::step_end::End as Wire;
        let wire = match end {
            StepEnd::Succeeded => Wire::Succeeded(v1::Nothing {}),
            StepEnd::Exit { code } => Wire::Exit(*code),
            StepEnd::Signal { signal } => Wire::Signal(*signal),
            StepEnd::Error { message } => Wire::Error(message.clone()),
            StepEnd::TimedOut => Wire::TimedOut(v1::Nothing {}),
            StepEnd::Stopped => Wire::Stopped(v1::Nothing {}),
            StepEnd::Skipped { condition } => Wire::Skipped(condition.clone()),
        };
        Self { end: Some(wire) }
    }
}

impl TryFrom<v1::StepEnd> for StepEnd {
    type Error = ConvertError;

    fn try_from(end: v1::StepEnd) -> Result<Self, ConvertError> {
        use v1::step_end::End as Wire;
        Ok(match end.end {
            Some(Wire::Succeeded(v1::Nothing {})) => Self::Succeeded,
            Some(Wire::Exit(code)) => Self::Exit { code },
            Some(Wire::Signal(signal)) => Self::Signal { signal },
            Some(Wire::Error(message)) => Self::Error { message },
            Some(Wire::TimedOut(v1::Nothing {})) => Self::TimedOut,
            Some(Wire::Stopped(v1::Nothing {})) => Self::Stopped,
            Some(Wire::Skipped(condition)) => Self::Skipped { condition },
            None => return Err(ConvertError::new("end", Problem::Missing)),
        })
    }
}
