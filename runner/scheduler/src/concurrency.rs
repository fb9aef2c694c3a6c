//! Concurrency groups: of all runs of a group, one is entered at a time.

use model::ids::RunId;
use model::plan::{Concurrency, Plan, WhenBusy};
use std::collections::{BTreeMap, VecDeque};

/// The runs of each group in order; the first one is entered.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: BTreeMap<String, VecDeque<RunId>>,
}

impl Groups {
    /// A new run joins its group. Gives those that it cancels.
    pub(crate) fn join(&mut self, concurrency: &Concurrency, run: RunId) -> Vec<RunId> {
        let members = self.groups.entry(concurrency.group.clone()).or_default();
        let older = match concurrency.when_busy {
            WhenBusy::Queue => Vec::new(),
            WhenBusy::CancelOlder => members.iter().copied().collect(),
        };
        members.push_back(run);
        older
    }

    /// Whether it is the turn of a run.
    pub(crate) fn may_enter(&self, plan: &Plan, run: RunId) -> bool {
        self.before(plan, run).is_none()
    }

    /// The run that one waits for.
    pub(crate) fn before(&self, plan: &Plan, run: RunId) -> Option<RunId> {
        let group = &plan.concurrency.as_ref()?.group;
        let first = *self.groups.get(group)?.front()?;
        (first != run).then_some(first)
    }

    /// A run has ended. Gives the one whose turn it is now.
    pub(crate) fn leave(&mut self, plan: &Plan, run: RunId) -> Option<RunId> {
        let group = &plan.concurrency.as_ref()?.group;
        let members = self.groups.get_mut(group)?;
        let was_first = members.front() == Some(&run);
        members.retain(|member| *member != run);
        let next = members.front().copied();
        if next.is_none() {
            self.groups.remove(group);
        }
        next.filter(|_| was_first)
    }
}
