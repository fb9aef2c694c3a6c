//! A group: a node in one scope, with all of its elements.

use super::ScopeIdx;
use crate::locks::LockName;
use model::ids::NodeId;
use model::outcome::Outcome;
use model::value::Value;
use std::collections::BTreeSet;

/// A node in one scope.
#[derive(Debug)]
pub(crate) struct Group {
    pub node: NodeId,
    /// The scope that it stands in.
    pub scope: ScopeIdx,
    pub state: GroupState,
    /// How many events it still waits for: its edges, and that its scope reaches its phase.
    pub unmet: u32,
    pub elements: Elements,
    /// The first of its elements: a job, or where it is a stage, a scope. The rest follow.
    pub first: u32,
    /// How many elements.
    pub n: u32,
    /// How many of them have ended.
    pub n_ended: u32,
    /// How many of them count as failed already, also stages that have not ended yet.
    pub n_failed: u32,
    /// How many have been started and have not ended.
    pub n_active: u32,
    /// What bounds the number of elements at a time, where something does.
    pub limits: Option<Box<Limits>>,
    /// Whether it is certain that it fails.
    pub is_doomed: bool,
    /// Whether those who wait for its end were told of it. A group that comes to be in between counts
    /// it as not met, and is told.
    pub is_told: bool,
    /// An environment that all elements share, held from the first to the last.
    pub kept: Option<LockName>,
}

/// Where a group is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupState {
    /// Something that it waits for has not come.
    Waiting,
    /// Its elements may start.
    Open,
    /// All of its elements have ended.
    Ended(Outcome),
}

/// What the elements of a group are.
#[derive(Debug)]
pub(crate) enum Elements {
    /// Not known yet.
    Unknown,
    /// One, without values: it is not fanned out, or was skipped before its elements were known.
    One,
    /// Those in the plan.
    InPlan,
    /// Those that were found.
    Found(Box<[Vec<Value>]>),
}

/// What bounds the number of elements that run at a time.
#[derive(Debug)]
pub(crate) struct Limits {
    /// How many may run.
    pub max_parallel: u32,
    /// How many are started together.
    pub batch: Option<u32>,
    /// Elements whose turn has not come.
    pub due: BTreeSet<u32>,
    /// The first element that has not ended.
    pub first_open: u32,
}

impl Group {
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self.elements, Elements::Unknown)
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            GroupState::Ended(outcome) => Some(outcome),
            GroupState::Waiting | GroupState::Open => None,
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.outcome().is_some()
    }
}
