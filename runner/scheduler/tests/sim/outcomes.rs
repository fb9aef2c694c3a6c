//! How nodes ended, worked out from the rows alone: independent of how the scheduler does it.

use super::store::Store;
use model::ids::{NodeId, RunId};
use model::outcome::Outcome;
use model::plan::{NodeKind, Over, Plan};
use model::value::Value;
use scheduler::record::{JobRow, JobState, StageState};

/// What an end means for those who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Well,
    NotApplicable,
    Bad,
}

/// One run, as its rows show it.
pub struct Picture<'a> {
    pub store: &'a Store,
    pub run: RunId,
    pub plan: &'a Plan,
}

impl<'a> Picture<'a> {
    pub fn new(store: &'a Store, run: RunId) -> Self {
        let plan = &store.plans[&run];
        Self { store, run, plan }
    }

    /// The elements of a node in a scope; `None` where they are not known.
    pub fn elements(&self, node: NodeId, scope: &[Vec<Value>]) -> Option<Vec<Vec<Value>>> {
        match &self.plan.node(node).fan_out {
            None => Some(vec![Vec::new()]),
            Some(fan_out) => match &fan_out.over {
                Over::Known(elements) if !elements.is_empty() => Some(elements.clone()),
                _ => {
                    let key = (self.run, scope.to_vec(), node);
                    let row = self.store.fan_outs.get(&key);
                    row.map(|row| row.elements.clone())
                }
            },
        }
    }

    pub fn job(&self, node: NodeId, elements: &[Vec<Value>]) -> Option<&'a JobRow> {
        let mut jobs = self.store.jobs_of(self.run);
        jobs.find(|row| row.node == node && row.elements == elements)
    }

    /// How one element ended.
    fn element(&self, node: NodeId, elements: &[Vec<Value>]) -> Option<(End, bool)> {
        let of = |outcome: &Outcome| match outcome {
            Outcome::Succeeded => End::Well,
            outcome if outcome.is_not_applicable() => End::NotApplicable,
            _ => End::Bad,
        };
        if matches!(self.plan.node(node).kind, NodeKind::Stage(_)) {
            let key = (self.run, node, elements.to_vec());
            return match &self.store.stages.get(&key)?.state {
                StageState::Ended { outcome } => Some((of(outcome), outcome.is_failure())),
                _ => None,
            };
        }
        match &self.job(node, elements)?.state {
            JobState::Ended { allowed: true, .. } => Some((End::Well, false)),
            JobState::Ended { outcome, .. } => Some((of(outcome), outcome.is_failure())),
            _ => None,
        }
    }

    /// How a node ended in a scope; `None` where it has not.
    pub fn node(&self, node: NodeId, scope: &[Vec<Value>]) -> Option<End> {
        let mut n_failed = 0;
        let mut ends = Vec::new();
        for element in self.elements(node, scope)? {
            let mut elements = scope.to_vec();
            elements.push(element);
            let (end, failed) = self.element(node, &elements)?;
            n_failed += u32::from(failed);
            ends.push(if failed { End::Well } else { end });
        }
        let fan_out = self.plan.node(node).fan_out.as_ref();
        let allowed = fan_out.and_then(|fan_out| fan_out.max_failures);
        Some(
            if n_failed > allowed.unwrap_or(0) || ends.contains(&End::Bad) {
                End::Bad
            } else if !ends.contains(&End::Well) && !ends.is_empty() {
                End::NotApplicable
            } else {
                End::Well
            },
        )
    }

    /// How all instances of the last of these nodes ended, each in the one before it.
    pub fn all(&self, way: &[NodeId], scope: &[Vec<Value>]) -> Option<End> {
        let mut ends = Vec::new();
        self.collect(way, scope, &mut ends)?;
        Some(if ends.contains(&End::Bad) {
            End::Bad
        } else if !ends.contains(&End::Well) && !ends.is_empty() {
            End::NotApplicable
        } else {
            End::Well
        })
    }

    fn collect(&self, way: &[NodeId], scope: &[Vec<Value>], ends: &mut Vec<End>) -> Option<()> {
        let (first, rest) = way.split_first()?;
        if rest.is_empty() {
            ends.push(self.node(*first, scope)?);
            return Some(());
        }
        for element in self.elements(*first, scope)? {
            let mut inner = scope.to_vec();
            inner.push(element);
            self.collect(rest, &inner, ends)?;
        }
        Some(())
    }
}
