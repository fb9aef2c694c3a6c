//! A scope: the run itself, or one element of a stage.

use super::{Element, GroupIdx};
use crate::locks::LockName;
use model::outcome::Outcome;
use model::plan::Phase;

/// The run, or a stage for one element.
#[derive(Debug)]
pub(crate) struct Scope {
    /// The element of a stage that it is; `None` for the run itself.
    pub element: Option<Element>,
    /// What it is in the shape.
    pub shape: u32,
    pub state: ScopeState,
    /// The first of its groups; the rest follow, by place.
    pub first_group: u32,
    pub n_groups: u32,
    /// The first of its aggregates; the rest follow.
    pub first_aggregate: u32,
    /// How many groups of the present phase have not ended.
    pub n_left: u32,
    /// How many jobs in it, at any depth, count as failed.
    pub n_failed_jobs: u32,
    /// Whether it is certain that it fails.
    pub is_doomed: bool,
    /// What it holds.
    pub locks: Vec<LockName>,
}

/// Where a scope is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScopeState {
    /// Not started.
    Waiting,
    /// Its turn in its fan-out has not come.
    Due,
    /// Waits for what others hold.
    Blocked {
        /// The place in the queue.
        ticket: u64,
    },
    /// Runs this part.
    Entered(Phase),
    /// It has ended.
    Ended(Outcome),
}

/// How many instances of a node are still to come.
#[derive(Debug)]
pub(crate) struct Aggregate {
    /// Groups that have not ended.
    pub n_unended: u32,
    /// Groups whose elements are not known.
    pub n_unknown: u32,
}

impl Scope {
    /// Its groups, by place.
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupIdx> + use<> {
        (self.first_group..self.first_group + self.n_groups).map(GroupIdx)
    }

    /// The group at a place.
    pub(crate) fn at(&self, place: u32) -> GroupIdx {
        GroupIdx(self.first_group + place)
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, ScopeState::Ended(_))
    }
}
