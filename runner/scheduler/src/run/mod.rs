//! One run: its scopes, groups and jobs, and how each leads to the next.
//!
//! A *scope* is the run itself or one element of a stage. It holds one *group* per node that stands
//! in it. A group has one element for each element of its `for`, or one: a job, or, where the node is
//! a stage, a scope again. All of them lie in vectors and know each other by index. Whatever can set
//! off something else goes through [`Run::todo`], so that a chain of ten thousand skips is a loop and
//! no recursion.

mod attempt;
mod cancel;
mod create;
mod element;
mod eval;
mod group;
mod hold;
mod job;
mod needed;
mod outcome;
mod people;
mod progress;
mod queueing;
mod report;
mod retry;
mod scope;
mod steps;

pub(crate) use eval::Place;
pub(crate) use group::{Elements, Group, GroupState, Limits};
pub(crate) use job::{Details, Ending, Job, Lease, State};
pub use queueing::PRIORITY_MS;
pub(crate) use scope::{Aggregate, Scope, ScopeState};

use crate::queue::ClassId;
use crate::shape::Shape;
use model::ids::{JobId, NodeId, RunId};
use model::plan::{Node, Phase, Plan};
use model::value::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The index of a scope in its run; 0 is the run itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScopeIdx(pub u32);

/// The index of a group in its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupIdx(pub u32);

/// An element of a group.
pub(crate) type Element = (GroupIdx, u32);

/// Where a run lies among all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunSlot(pub u32);

/// A run that has not ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub id: RunId,
    pub slot: RunSlot,
    pub plan: Arc<Plan>,
    pub shape: Arc<Shape>,
    pub by: String,
    pub submitted_ms: i64,
    /// What was asked for, as it was said.
    pub selected: Option<BTreeSet<NodeId>>,
    /// By node: whether it is asked for or needed; `None`: all are.
    pub wanted: Option<Vec<bool>>,
    pub keep_going: bool,
    /// Who canceled it.
    pub canceled_by: Option<String>,
    pub scopes: Vec<Scope>,
    pub groups: Vec<Group>,
    pub jobs: Vec<Job>,
    pub aggregates: Vec<Aggregate>,
    /// Elements that wait for one element of another group, by that element.
    pub element_watchers: BTreeMap<Element, Vec<Element>>,
    /// How many elements an element still waits for.
    pub element_unmet: BTreeMap<Element, u32>,
    /// The selector class of a node, where it is the same for all its elements.
    pub node_classes: Vec<Option<ClassId>>,
    /// The classes that this run has a share in.
    pub classes: BTreeSet<ClassId>,
    /// What has become due and was not looked at yet.
    pub todo: VecDeque<Todo>,
    /// Jobs whose row has changed.
    pub dirty: Vec<JobId>,
    /// Whether the run's own row has changed.
    pub is_row_dirty: bool,
    /// See [`SchedulerConfig::url_base`](crate::SchedulerConfig::url_base).
    pub url_base: Arc<str>,
}

/// Something that has become due.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Todo {
    /// All edges of a group are satisfied.
    Ready(GroupIdx),
    /// All edges of an element are satisfied.
    ElementReady(Element),
    /// A group has ended.
    Ended(GroupIdx),
}

impl Run {
    pub(crate) fn scope(&self, scope: ScopeIdx) -> &Scope {
        &self.scopes[scope.0 as usize]
    }

    pub(crate) fn scope_mut(&mut self, scope: ScopeIdx) -> &mut Scope {
        &mut self.scopes[scope.0 as usize]
    }

    pub(crate) fn group(&self, group: GroupIdx) -> &Group {
        &self.groups[group.0 as usize]
    }

    pub(crate) fn group_mut(&mut self, group: GroupIdx) -> &mut Group {
        &mut self.groups[group.0 as usize]
    }

    pub(crate) fn job(&self, job: JobId) -> &Job {
        &self.jobs[job.index()]
    }

    pub(crate) fn job_mut(&mut self, job: JobId) -> &mut Job {
        &mut self.jobs[job.index()]
    }

    /// The node that a group is of.
    pub(crate) fn node(&self, group: GroupIdx) -> &Node {
        self.plan.node(self.group(group).node)
    }

    /// The element that a job is.
    pub(crate) fn element_of(&self, job: JobId) -> Element {
        let group = self.job(job).group;
        (group, job.0 - self.group(group).first)
    }

    /// The job that an element is.
    pub(crate) fn job_of(&self, (group, index): Element) -> JobId {
        JobId(self.group(group).first + index)
    }

    /// The scope that an element of a stage is.
    pub(crate) fn scope_of(&self, (group, index): Element) -> ScopeIdx {
        ScopeIdx(self.group(group).first + index)
    }

    pub(crate) fn is_stage(&self, group: GroupIdx) -> bool {
        self.shape.nodes[self.group(group).node.index()]
            .scope
            .is_some()
    }

    /// The scope so many levels up.
    pub(crate) fn up(&self, mut scope: ScopeIdx, levels: u32) -> ScopeIdx {
        for _ in 0..levels {
            if let Some((group, _)) = self.scope(scope).element {
                scope = self.group(group).scope;
            }
        }
        scope
    }

    /// The scopes from here to the run itself, this one first.
    pub(crate) fn scopes_up(&self, scope: ScopeIdx) -> impl Iterator<Item = ScopeIdx> {
        std::iter::successors(Some(scope), |scope| {
            let (group, _) = self.scope(*scope).element?;
            Some(self.group(group).scope)
        })
    }

    /// The values of an element's own variables.
    pub(crate) fn values(&self, (group, index): Element) -> &[Value] {
        let group = self.group(group);
        match &group.elements {
            Elements::Unknown | Elements::One => &[],
            Elements::InPlan => match &self.plan.node(group.node).fan_out {
                Some(fan_out) => match &fan_out.over {
                    model::plan::Over::Known(elements) => &elements[index as usize],
                    model::plan::Over::Found { .. } => &[],
                },
                None => &[],
            },
            Elements::Found(elements) => &elements[index as usize],
        }
    }

    /// The groups of one phase of a scope.
    pub(crate) fn groups_in(
        &self,
        scope: ScopeIdx,
        phase: Phase,
    ) -> impl Iterator<Item = GroupIdx> + use<> {
        let scope = self.scope(scope);
        let groups: Vec<_> = scope
            .groups()
            .filter(|group| self.node(*group).phase == phase)
            .collect();
        groups.into_iter()
    }

    pub(crate) fn is_wanted(&self, node: NodeId) -> bool {
        self.wanted
            .as_ref()
            .is_none_or(|wanted| wanted[node.index()])
    }
}
