//! How jobs, stages and runs end: always with a reason.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a job, a stage or a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// All went well (or failed where `allow_failure` says that it may).
    Succeeded,
    /// Something went wrong.
    Failed {
        /// What.
        failure: Failure,
    },
    /// It took longer than its `timeout`.
    TimedOut {
        /// The timeout, in milliseconds.
        after_ms: u64,
        /// The index of the step that ran at that time.
        step: Option<u32>,
    },
    /// A person, or `fail_fast`, ended it.
    Canceled {
        /// Who, or what.
        by: String,
    },
    /// It never started.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// Its worker is gone, and with it what we know.
    Lost {
        /// What is known.
        message: String,
    },
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "failure")]
pub enum Failure {
    /// A step's program ended with this exit code.
    Exit {
        /// The step's index in its job.
        step: u32,
        /// The code.
        code: i32,
    },
    /// A step's program was ended by this signal.
    Signal {
        /// The step's index in its job.
        step: u32,
        /// Its number.
        signal: i32,
    },
    /// A step could not be started: no such program, no such folder, …
    Start {
        /// The step's index in its job.
        step: u32,
        /// What the system said.
        message: String,
    },
    /// An output was missing, undeclared or of a wrong type.
    Output {
        /// What and where.
        message: String,
    },
    /// What the job said that it produces is not there, or could not be kept.
    Produces {
        /// What and why.
        message: String,
    },
    /// The workspace could not be prepared: disk full, a file in the way, …
    Workspace {
        /// What and why.
        message: String,
    },
    /// An expression had no value.
    Expression {
        /// Where it stands and why.
        message: String,
    },
    /// Elements of a fan-out or jobs of a stage or run failed.
    Inner {
        /// How many.
        n_failed: u32,
    },
    /// Gantry itself, or the machine, could not go on.
    System {
        /// What happened.
        message: String,
    },
}

/// Why something was skipped. The difference matters: what was *not applicable* lets the order of the
/// text and `after` pass, what was *blocked* lets nothing pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "skip")]
pub enum SkipReason {
    /// Its own `when` is false.
    When {
        /// The condition as it is written.
        condition: String,
    },
    /// It needs a job that was not applicable.
    NeedsSkipped {
        /// The name of that job.
        name: String,
    },
    /// It was not asked for (`--job`).
    NotSelected,
    /// A hook that had no occasion: an `on_failure` without a failure.
    NoOccasion,
    /// Something before it failed, was canceled or lost.
    Blocked {
        /// The name of the job, stage or approval.
        name: String,
    },
    /// The run, its stage or its fan-out ended before it could start.
    Ended {
        /// What ended it.
        by: String,
    },
    /// Trust forbids it.
    Untrusted,
}

impl SkipReason {
    /// Whether it was not applicable, rather than blocked.
    #[must_use]
    pub fn is_not_applicable(&self) -> bool {
        matches!(
            self,
            Self::When { .. } | Self::NeedsSkipped { .. } | Self::NotSelected | Self::NoOccasion
        )
    }
}

impl Outcome {
    /// Whether it ended well.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded)
    }

    /// Whether it was skipped because it did not apply.
    #[must_use]
    pub fn is_not_applicable(&self) -> bool {
        matches!(self, Self::Skipped { reason } if reason.is_not_applicable())
    }

    /// Whether it counts as a failure of what it belongs to: failed, timed out, or lost.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Failed { .. } | Self::TimedOut { .. } | Self::Lost { .. }
        )
    }

    /// The one word for it: `succeeded`, `failed`, `timed out`, `canceled`, `skipped`, `lost`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::TimedOut { .. } => "timed out",
            Self::Canceled { .. } => "canceled",
            Self::Skipped { .. } => "skipped",
            Self::Lost { .. } => "lost",
        }
    }

    /// The reason, as a phrase for people; empty for a success.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Succeeded => String::new(),
            Self::Failed { failure } => failure.to_string(),
            Self::TimedOut { after_ms, .. } => {
                format!("after {}", crate::Value::Duration(*after_ms))
            }
            Self::Canceled { by } => format!("by {by}"),
            Self::Skipped { reason } => reason.to_string(),
            Self::Lost { message } => message.clone(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason();
        match reason.is_empty() {
            true => f.write_str(self.word()),
            false => write!(f, "{}: {reason}", self.word()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit { code, .. } => write!(f, "exit code {code}"),
            Self::Signal { signal, .. } => write!(f, "ended by signal {signal}"),
            Self::Start { message, .. }
            | Self::Output { message }
            | Self::Produces { message }
            | Self::Workspace { message }
            | Self::Expression { message }
            | Self::System { message } => f.write_str(message),
            Self::Inner { n_failed: 1 } => f.write_str("1 job failed"),
            Self::Inner { n_failed } => write!(f, "{n_failed} jobs failed"),
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::When { condition } => write!(f, "not applicable: `when = {condition}` is false"),
            Self::NeedsSkipped { name } => write!(f, "not applicable: it needs {name}"),
            Self::NotSelected => f.write_str("not selected"),
            Self::NoOccasion => f.write_str("not applicable: nothing failed"),
            Self::Blocked { name } => write!(f, "blocked by {name}"),
            Self::Ended { by } => write!(f, "not started: {by}"),
            Self::Untrusted => f.write_str("blocked: the run is not trusted"),
        }
    }
}
