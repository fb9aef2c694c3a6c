//! Scopes, groups and jobs come to be: as soon as it is known how many there are.

use super::{
    Aggregate, Element, Elements, Group, GroupIdx, GroupState, Job, Limits, Run, RunSlot, Scope,
    ScopeIdx, ScopeState, Todo,
};
use crate::input::{Selection, Submit};
use crate::shape::{self, Shape, Source, Until, Wait, Watcher};
use model::event::EventKind;
use model::ids::{JobId, NodeId};
use model::plan::{Batch, FanOut, Over};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A percentage in hundredths of a percent.
const WHOLE: u64 = 10_000;

impl Run {
    /// A run with all that its plan says about its jobs.
    pub(crate) fn new(submit: Submit, slot: RunSlot, submitted_ms: i64, url_base: &str) -> Self {
        let shape = Arc::new(Shape::new(&submit.plan));
        let wanted = match &submit.selection {
            Selection::All => None,
            nodes => Some(nodes.wanted(&submit.plan)),
        };
        let selected = match submit.selection {
            Selection::All => None,
            Selection::Nodes(nodes) => Some(nodes),
        };
        let mut run = Self {
            id: submit.run,
            slot,
            by: submit.by,
            submitted_ms,
            wanted,
            selected,
            keep_going: submit.keep_going,
            canceled_by: None,
            scopes: Vec::new(),
            groups: Vec::new(),
            jobs: Vec::new(),
            aggregates: Vec::new(),
            element_watchers: BTreeMap::new(),
            element_unmet: BTreeMap::new(),
            node_classes: vec![None; submit.plan.nodes.len()],
            classes: BTreeSet::new(),
            todo: VecDeque::new(),
            dirty: Vec::new(),
            is_row_dirty: true,
            url_base: url_base.into(),
            plan: submit.plan,
            shape,
        };
        run.scopes.push(Scope::new(None, 0));
        run.fill(ScopeIdx(0));
        run
    }

    /// Gives a scope its groups, and those their elements, where they are known.
    fn fill(&mut self, scope: ScopeIdx) {
        let shape = Arc::clone(&self.shape);
        let own = &shape.scopes[self.scope(scope).shape as usize];
        let first_aggregate = self.aggregates.len() as u32;
        let first_group = self.groups.len() as u32;
        self.aggregates
            .extend(own.aggregates.iter().map(|_| Aggregate {
                n_unended: 1,
                n_unknown: 1,
            }));
        self.groups
            .extend(own.children.iter().map(|node| Group::new(*node, scope)));
        let this = self.scope_mut(scope);
        this.first_aggregate = first_aggregate;
        this.first_group = first_group;
        this.n_groups = own.children.len() as u32;
        for (group, node) in self.scope(scope).groups().zip(&own.children) {
            let waits = &shape.nodes[node.index()].waits;
            let unmet = waits.iter().filter(|wait| !self.is_met(scope, wait));
            // One more: that the scope reaches its phase.
            self.group_mut(group).unmet = 1 + unmet.count() as u32;
        }
        let plan = Arc::clone(&self.plan);
        for (group, node) in self.scope(scope).groups().zip(&own.children) {
            match &plan.node(*node).fan_out {
                None => self.expand(group, Elements::One),
                Some(fan_out) if shape::is_known(&fan_out.over) => {
                    self.expand(group, Elements::InPlan);
                }
                Some(_) => {}
            }
        }
    }

    /// Creates the elements of a group.
    pub(crate) fn expand(&mut self, group: GroupIdx, elements: Elements) {
        let node = self.group(group).node;
        let scope = self.group(group).scope;
        let plan = Arc::clone(&self.plan);
        let fan_out = plan.node(node).fan_out.as_ref();
        let n = match &elements {
            Elements::Unknown => return,
            Elements::One => 1,
            Elements::Found(elements) => elements.len() as u32,
            Elements::InPlan => match fan_out.map(|fan_out| &fan_out.over) {
                Some(Over::Known(elements)) => elements.len() as u32,
                _ => 1,
            },
        };
        let inner = self.shape.nodes[node.index()].scope;
        let first = match inner {
            Some(_) => self.scopes.len(),
            None => self.jobs.len(),
        } as u32;
        let this = self.group_mut(group);
        this.elements = elements;
        this.first = first;
        this.n = n;
        this.limits = fan_out.and_then(|fan_out| Limits::of(fan_out, n));
        self.count_elements(group, n);
        match inner {
            Some(inner) => {
                let scopes = (0..n).map(|index| Scope::new(Some((group, index)), inner));
                self.scopes.extend(scopes);
                for index in 0..n {
                    self.fill(ScopeIdx(first + index));
                }
            }
            None => self.jobs.extend((0..n).map(|_| Job::new(group))),
        }
        let shape = Arc::clone(&self.shape);
        self.notify(scope, &shape.nodes[node.index()].watchers, Until::Known);
    }

    /// Tells the aggregates that a group of theirs has become `n`.
    fn count_elements(&mut self, group: GroupIdx, n: u32) {
        let shape = Arc::clone(&self.shape);
        let (node, scope) = (self.group(group).node, self.group(group).scope);
        for counted in &shape.nodes[node.index()].counted {
            let at = self.up(scope, counted.up);
            let index = self.scope(at).first_aggregate + counted.aggregate;
            let aggregate = &mut self.aggregates[index as usize];
            if counted.is_leaf {
                aggregate.n_unknown -= 1;
            } else {
                aggregate.n_unknown = aggregate.n_unknown - 1 + n;
                aggregate.n_unended = aggregate.n_unended - 1 + n;
            }
            let (unknown, unended) = (aggregate.n_unknown, aggregate.n_unended);
            let own = &shape.scopes[self.scope(at).shape as usize];
            let watchers = &own.aggregates[counted.aggregate as usize].watchers;
            if unknown == 0 {
                self.notify(at, watchers, Until::Known);
            }
            if unended == 0 {
                self.notify(at, watchers, Until::Ended);
            }
        }
    }

    /// Tells those who wait below a scope that what they wait for has come.
    pub(crate) fn notify(&mut self, scope: ScopeIdx, watchers: &[Watcher], until: Until) {
        for watcher in watchers.iter().filter(|watcher| watcher.until == until) {
            self.met(scope, &watcher.path);
        }
    }

    fn met(&mut self, scope: ScopeIdx, path: &[u32]) {
        let Some((place, below)) = path.split_first() else {
            return;
        };
        // A scope that is being filled reads for itself what has come already.
        if self.scope(scope).n_groups == 0 {
            return;
        }
        let group = self.scope(scope).at(*place);
        if below.is_empty() {
            self.one_met(group);
        } else if self.group(group).is_known() {
            for index in 0..self.group(group).n {
                self.met(self.scope_of((group, index)), below);
            }
        }
    }

    /// One of the events that a group waits for has come.
    pub(crate) fn one_met(&mut self, group: GroupIdx) {
        let this = self.group_mut(group);
        this.unmet -= 1;
        if this.unmet == 0 && this.state == GroupState::Waiting {
            self.todo.push_back(Todo::Ready(group));
        }
    }

    /// Whether what an edge of a node in this scope waits for has come.
    pub(crate) fn is_met(&self, scope: ScopeIdx, wait: &Wait) -> bool {
        let at = self.scope(self.up(scope, wait.up));
        match wait.source {
            Source::Child(place) => {
                let group = self.group(at.at(place));
                match wait.until {
                    Until::Ended => group.is_told,
                    Until::Known => group.is_known(),
                }
            }
            Source::Aggregate(index) => {
                let aggregate = &self.aggregates[(at.first_aggregate + index) as usize];
                match wait.until {
                    Until::Ended => aggregate.n_unended == 0,
                    Until::Known => aggregate.n_unknown == 0,
                }
            }
        }
    }

    /// All groups that an edge of a node in this scope leads to.
    pub(crate) fn sources(&self, scope: ScopeIdx, wait: &Wait) -> Vec<GroupIdx> {
        let at = self.up(scope, wait.up);
        match wait.source {
            Source::Child(place) => vec![self.scope(at).at(place)],
            Source::Aggregate(index) => {
                let own = &self.shape.scopes[self.scope(at).shape as usize];
                let mut groups = Vec::new();
                self.descend(at, &own.aggregates[index as usize].path, &mut groups);
                groups
            }
        }
    }

    fn descend(&self, scope: ScopeIdx, path: &[u32], groups: &mut Vec<GroupIdx>) {
        let Some((place, below)) = path.split_first() else {
            return;
        };
        let group = self.scope(scope).at(*place);
        if below.is_empty() {
            groups.push(group);
        } else if self.group(group).is_known() {
            for index in 0..self.group(group).n {
                self.descend(self.scope_of((group, index)), below, groups);
            }
        }
    }

    /// The event of each job from this one on.
    pub(crate) fn created_since(&self, first: usize) -> Vec<EventKind> {
        let ids = (first..self.jobs.len()).map(|index| JobId(index as u32));
        ids.map(|job| EventKind::JobCreated {
            job,
            node: self.group(self.job(job).group).node,
            name: self.job_name(job),
        })
        .collect()
    }
}

impl Group {
    fn new(node: NodeId, scope: ScopeIdx) -> Self {
        Self {
            node,
            scope,
            state: GroupState::Waiting,
            unmet: 0,
            elements: Elements::Unknown,
            first: 0,
            n: 0,
            n_ended: 0,
            n_failed: 0,
            n_active: 0,
            limits: None,
            is_doomed: false,
            is_told: false,
            kept: None,
        }
    }
}

impl Scope {
    fn new(element: Option<Element>, shape: u32) -> Self {
        Self {
            element,
            shape,
            state: ScopeState::Waiting,
            first_group: 0,
            n_groups: 0,
            first_aggregate: 0,
            n_left: 0,
            n_failed_jobs: 0,
            is_doomed: false,
            locks: Vec::new(),
        }
    }
}

impl Limits {
    fn of(fan_out: &FanOut, n: u32) -> Option<Box<Self>> {
        if fan_out.max_parallel.is_none() && fan_out.batch.is_none() {
            return None;
        }
        let batch = fan_out.batch.map(|batch| match batch {
            Batch::Count(count) => count.max(1),
            Batch::Share(share) => {
                let size = (u64::from(n) * u64::from(share)).div_ceil(WHOLE);
                size.clamp(1, u64::from(n.max(1))) as u32
            }
        });
        Some(Box::new(Self {
            max_parallel: fan_out.max_parallel.unwrap_or(u32::MAX).max(1),
            batch,
            due: BTreeSet::new(),
            first_open: 0,
        }))
    }
}
