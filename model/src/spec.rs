//! What a worker is told to do: one job with every value resolved. Self-contained, so that a worker
//! asks nothing more, and a pure description, so that a cache key can be made from it.

use crate::types::Type;
use serde::{Deserialize, Serialize};

/// A job as it is sent to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Its name with the elements of its fan-outs, as people see it: `test["linux", "stable"]`.
    pub name: String,
    /// What its workspace is called on a worker's disk; the same in every run of the pipeline.
    pub workspace: String,
    /// What is laid into the workspace before the first step.
    pub sources: Sources,
    /// The environment of every step, in the order of the text; later ones win.
    pub env: Vec<EnvVar>,
    /// The folder below the workspace in which steps start.
    pub dir: Option<String>,
    /// The bound on all steps together, in milliseconds; hooks have their own ([`HOOK_TIMEOUT_MS`]).
    pub timeout_ms: Option<u64>,
    /// What is done, in order.
    pub steps: Vec<StepSpec>,
    /// Steps after a failure, a success, and in any case.
    pub hooks: Hooks,
    /// What it must write to `$GANTRY_OUTPUT`.
    pub outputs: Vec<OutputSpec>,
    /// Paths (globs) that are kept for the jobs that need this one.
    pub produces: Vec<String>,
}

/// How long the hooks of a job may take together after it was canceled or timed out, unless they say
/// less themselves: long enough to release something, short enough that a cancel ends.
pub const HOOK_TIMEOUT_MS: u64 = 5 * 60_000;

/// What lies in a workspace before the first step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// Whether the source tree is laid.
    pub checkout: bool,
    /// Which of its files, as globs; all where it is absent.
    pub inputs: Option<Vec<String>>,
    /// What the needed jobs produced.
    pub needs: Vec<Needed>,
}

/// What one needed job produced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needed {
    /// The job's name, for messages.
    pub job: String,
    /// The folder below which it is laid; absent: at the same paths as there.
    pub below: Option<String>,
    /// The digest of its manifest in the blob store.
    pub manifest: String,
}

/// One variable of a step's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Where its value comes from.
    pub value: EnvValue,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvValue {
    /// It is known.
    Text(String),
    /// A secret, sent apart and masked.
    Secret(String),
    /// A variable of the machine; unset there means unset here.
    Inherit(String),
}

/// Steps that follow the main ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hooks {
    /// After a step failed or timed out.
    pub on_failure: Vec<StepSpec>,
    /// After all steps succeeded.
    pub on_success: Vec<StepSpec>,
    /// In any case, last; also after a cancel.
    pub always: Vec<StepSpec>,
}

impl Hooks {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.on_failure.is_empty() && self.on_success.is_empty() && self.always.is_empty()
    }
}

/// An output that a job declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputSpec {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it may be missing: where every use stands in a `default(…)`.
    pub optional: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// What it is called: its label, or the first line of its script.
    pub name: String,
    /// Where it stands in the pipeline file.
    pub place: Place,
    /// What it does.
    pub action: Action,
    /// More environment, over the job's.
    pub env: Vec<EnvVar>,
    /// The folder below the workspace, instead of the job's.
    pub dir: Option<String>,
    /// The bound of one try, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Whether a failed try is repeated.
    pub retry: StepRetry,
    /// Exit codes that are a success; empty means 0 only.
    pub exit_codes: Vec<i32>,
    /// Whether a failure is passed over.
    pub allow_failure: bool,
    /// Why it is not run (its `when` as written), where that is so.
    pub skip: Option<String>,
}

/// How a step is repeated in its place after it failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRetry {
    /// How often at the most, beyond the first.
    pub times: u32,
    /// The wait before the first repetition, in milliseconds; doubled each time.
    pub delay_ms: u64,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A script for an interpreter.
    Script {
        /// Which.
        shell: Shell,
        /// Its text, as it stands.
        text: String,
    },
    /// A program with arguments, without a shell.
    Exec {
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Files that are kept for people.
    Artifact {
        /// Globs below the workspace.
        paths: Vec<String>,
    },
}

/// The interpreters of scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shell {
    /// `sh -eu`.
    Sh,
    /// `bash -euo pipefail`.
    Bash,
    /// PowerShell 7, stopping at the first error.
    Pwsh,
    /// Windows PowerShell 5.
    Powershell,
    /// The command interpreter of Windows.
    Cmd,
    /// Python 3.
    Python,
}

impl Shell {
    /// The word of the pipeline language.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sh => "sh",
            Self::Bash => "bash",
            Self::Pwsh => "pwsh",
            Self::Powershell => "powershell",
            Self::Cmd => "cmd",
            Self::Python => "python",
        }
    }
}

/// A place in a pipeline file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}
