//! What a plan is made for: an event, parameters, a commit, and bounds.

mod commit;
pub(crate) mod cycle;
pub(crate) mod link;
pub(crate) mod order;

pub use commit::{Commit, CommitError, EmptyCommit};

use model::plan::Event;
use std::collections::BTreeMap;

/// How many jobs a plan may have, unless a runner says otherwise: beyond that nobody can read the
/// graph, and a mistake in a `for` is far more likely than a need.
pub const MAX_JOBS: usize = 10_000;

/// How many edges a plan may have: a hundred for each job of the largest one.
pub const MAX_EDGES: usize = 1_000_000;

/// How many variables all environments of a plan may have: fifty for each job of the largest one. Each job
/// has its own copy of those of the pipeline.
pub const MAX_VARIABLES: usize = 500_000;

/// What a plan is asked for.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// The pipeline; may be left out where the file has one only.
    pub pipeline: Option<String>,
    /// What starts the run.
    pub event: Event,
    /// The parameters as they were given: texts as they are, lists and maps as JSON.
    pub params: BTreeMap<String, String>,
    /// The system that jobs run on where nothing else is said.
    pub os: HostOs,
    /// [`MAX_JOBS`], unless configured.
    pub max_jobs: usize,
}

/// A system that jobs run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the system that it is named like")]
pub enum HostOs {
    Linux,
    Windows,
}

impl HostOs {
    /// The system that this build is for; all but Windows have its shells.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }
}

impl PlanRequest {
    /// A run that a person starts.
    #[must_use]
    pub fn manual() -> Self {
        Self {
            pipeline: None,
            event: Event {
                kind: "manual".to_owned(),
                commit: String::new(),
                dirty: false,
                trusted: true,
                fields: BTreeMap::new(),
            },
            params: BTreeMap::new(),
            os: HostOs::current(),
            max_jobs: MAX_JOBS,
        }
    }
}

/// All that is known when a plan is made.
pub(crate) struct Known<'a> {
    pub(crate) request: &'a PlanRequest,
    pub(crate) commit: &'a dyn Commit,
}
