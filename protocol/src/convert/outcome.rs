//! How an attempt ended.

use super::{ConvertError, Problem, required};
use crate::v1;
use model::outcome::{Failure, Outcome};

/// What only a runner can say (skipped, jobs inside failed, an expression without a value) becomes a
/// failure of the system here: a worker that says it is wrong, and the runner must hear of it.
impl From<&Outcome> for v1::Outcome {
    fn from(outcome: &Outcome) -> Self {
        use v1::outcome::Outcome as Wire;
        let wire = match outcome {
            Outcome::Succeeded => Wire::Succeeded(v1::Nothing {}),
            Outcome::Failed { failure } => Wire::Failed(failure.into()),
            Outcome::TimedOut { after_ms, step } => Wire::TimedOut(v1::TimedOut {
                after_ms: *after_ms,
                step: *step,
            }),
            Outcome::Canceled { by } => Wire::Canceled(by.clone()),
            Outcome::Lost { message } => Wire::Lost(message.clone()),
            Outcome::Skipped { .. } => Wire::Failed(system(outcome.to_string())),
        };
        Self {
            outcome: Some(wire),
        }
    }
}

impl TryFrom<v1::Outcome> for Outcome {
    type Error = ConvertError;

    fn try_from(outcome: v1::Outcome) -> Result<Self, ConvertError> {
        use v1::outcome::Outcome as Wire;
        let Some(wire) = outcome.outcome else {
            return Err(ConvertError::new("outcome", Problem::Missing));
        };
        Ok(match wire {
            Wire::Succeeded(v1::Nothing {}) => Self::Succeeded,
            Wire::Failed(failure) => Self::Failed {
                failure: required(Some(failure), "failed")?,
            },
            Wire::TimedOut(v1::TimedOut { after_ms, step }) => Self::TimedOut { after_ms, step },
            Wire::Canceled(by) => Self::Canceled { by },
            Wire::Lost(message) => Self::Lost { message },
        })
    }
}

fn system(message: String) -> v1::Failure {
    v1::Failure {
        step: None,
        failure: Some(v1::failure::Failure::System(message)),
    }
}

impl From<&Failure> for v1::Failure {
    fn from(failure: &Failure) -> Self {
        use v1::failure::Failure as Wire;
        let (step, wire) = match failure {
            Failure::Exit { step, code } => (Some(*step), Wire::Exit(*code)),
            Failure::Signal { step, signal } => (Some(*step), Wire::Signal(*signal)),
            Failure::Start { step, message } => (Some(*step), Wire::Start(message.clone())),
            Failure::Output { message } => (None, Wire::Output(message.clone())),
            Failure::Produces { message } => (None, Wire::Produces(message.clone())),
            Failure::Workspace { message } => (None, Wire::Workspace(message.clone())),
            Failure::System { message } => (None, Wire::System(message.clone())),
            Failure::Expression { .. } | Failure::Inner { .. } => {
                return system(failure.to_string());
            }
        };
        Self {
            step,
            failure: Some(wire),
        }
    }
}

impl TryFrom<v1::Failure> for Failure {
    type Error = ConvertError;

    fn try_from(failure: v1::Failure) -> Result<Self, ConvertError> {
        use v1::failure::Failure as Wire;
        let step = failure
            .step
            .ok_or_else(|| ConvertError::new("step", Problem::Missing));
        let Some(wire) = failure.failure else {
            return Err(ConvertError::new("failure", Problem::Missing));
        };
        Ok(match wire {
            Wire::Exit(code) => Self::Exit { step: step?, code },
            Wire::Signal(signal) => Self::Signal {
                step: step?,
                signal,
            },
            Wire::Start(message) => Self::Start {
                step: step?,
                message,
            },
            Wire::Output(message) => Self::Output { message },
            Wire::Produces(message) => Self::Produces { message },
            Wire::Workspace(message) => Self::Workspace { message },
            Wire::System(message) => Self::System { message },
        })
    }
}
