//! A run as lists show it.

use model::ids::RunId;
use model::outcome::Outcome;
use scheduler::record::RunRow;

/// A run with what its plan says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its row.
    pub row: RunRow,
    /// The pipeline's name.
    pub pipeline: String,
    /// The pipeline's file, relative to the repository.
    pub path: String,
    /// What started it: `push`, `manual`, …
    pub trigger: String,
    /// The commit; empty outside a repository.
    pub commit: String,
    /// Whether the source tree had changes that are not in the commit.
    pub dirty: bool,
    /// Where it is.
    pub status: RunStatus,
}

impl RunSummary {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.row.run
    }
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStatus {
    /// A living process executes it.
    Alive,
    /// The process that executed it is gone, and nobody goes on with it.
    Interrupted,
    /// It has ended.
    Ended(Outcome),
}

impl RunStatus {
    /// The one word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Alive => "running",
            Self::Interrupted => "interrupted",
            Self::Ended(outcome) => outcome.word(),
        }
    }
}
