//! How groups, scopes and the run end: by how their parts ended, and by nothing else.

use super::{GroupIdx, Run, ScopeIdx};
use crate::record::RUN_TIMEOUT;
use model::outcome::{Failure, Outcome};
use model::plan::Phase;

impl Run {
    /// The outcome of a group whose elements have all ended.
    pub(crate) fn group_outcome(&self, group: GroupIdx) -> Outcome {
        let this = self.group(group);
        let is_fan_out = self.node(group).fan_out.is_some();
        if this.is_doomed {
            return match is_fan_out {
                true => failed(this.n_failed),
                false => self.element_outcome(group, 0),
            };
        }
        let ends = (0..this.n).map(|index| self.element_outcome(group, index));
        // Failures that are passed over, or fewer than may be, count as success.
        let ends = ends.map(|outcome| match outcome.is_failure() {
            true => Outcome::Succeeded,
            false => outcome,
        });
        combined(ends)
    }

    fn element_outcome(&self, group: GroupIdx, index: u32) -> Outcome {
        let outcome = match self.is_stage(group) {
            true => match &self.scope(self.scope_of((group, index))).state {
                super::ScopeState::Ended(outcome) => Some(outcome),
                _ => None,
            },
            false => {
                let ending = self.job(self.job_of((group, index))).ending();
                ending.map(|ending| &ending.outcome)
            }
        };
        outcome.cloned().unwrap_or(Outcome::Succeeded)
    }

    /// The outcome of a scope whose groups have all ended.
    pub(crate) fn scope_outcome(&self, scope: ScopeIdx) -> Outcome {
        let this = self.scope(scope);
        if this.is_doomed {
            return failed(this.n_failed_jobs);
        }
        // That there was nothing to do in a hook says nothing about the whole.
        let groups = this.groups().filter(|group| {
            self.node(*group).phase == Phase::Main
                || matches!(self.group(*group).outcome(), Some(Outcome::Canceled { .. }))
        });
        combined(groups.filter_map(|group| self.group(group).outcome().cloned()))
    }

    /// The outcome of the run, whose own scope has ended.
    pub(crate) fn run_outcome(&self) -> Outcome {
        let root = ScopeIdx(0);
        let has_failed = |phase| {
            self.groups_in(root, phase)
                .any(|group| self.group(group).is_doomed)
        };
        match &self.canceled_by {
            // What cleans up has to succeed in any case.
            _ if has_failed(Phase::Always) => failed(self.scope(root).n_failed_jobs),
            Some(by) if by == RUN_TIMEOUT => Outcome::TimedOut {
                after_ms: self.plan.timeout_ms.unwrap_or_default(),
                step: None,
            },
            Some(by) => Outcome::Canceled { by: by.clone() },
            None => match self.scope_outcome(root) {
                // A run with nothing to do has done it.
                outcome if outcome.is_not_applicable() => Outcome::Succeeded,
                // What trust forbids was not asked of a run that is not trusted.
                Outcome::Skipped { .. } if !self.plan.event.trusted => Outcome::Succeeded,
                outcome => outcome,
            },
        }
    }
}

fn failed(n_failed: u32) -> Outcome {
    Outcome::Failed {
        failure: Failure::Inner {
            n_failed: n_failed.max(1),
        },
    }
}

/// A cancel outweighs what is blocked, that outweighs a success, and that what did not apply. Without
/// any part it is a success.
fn combined(parts: impl Iterator<Item = Outcome>) -> Outcome {
    let (mut blocked, mut succeeded, mut not_applicable) = (None, None, None);
    for outcome in parts {
        let kind = match &outcome {
            Outcome::Canceled { .. } => return outcome,
            Outcome::Succeeded => &mut succeeded,
            other if other.is_not_applicable() => &mut not_applicable,
            _ => &mut blocked,
        };
        kind.get_or_insert(outcome);
    }
    blocked
        .or(succeeded)
        .or(not_applicable)
        .unwrap_or(Outcome::Succeeded)
}
