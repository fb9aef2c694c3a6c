//! The elements of a group: when each may start, and what its end means for the others.

use super::progress::Verdict;
use super::{
    Element, Elements, GroupIdx, GroupState, Place, Run, ScopeIdx, ScopeState, State, Todo,
};
use crate::core::Core;
use crate::shape::{self, Until};
use model::event::EventKind;
use model::outcome::{Outcome, SkipReason};
use model::plan::{NodeKind, Phase};
use model::value::Value;
use std::sync::Arc;

/// What canceled a job, where a failure beside it did.
pub(crate) const FAIL_FAST: &str = "fail_fast";

impl Run {
    /// An element of an open group: does it apply, and may it start?
    pub(crate) fn open_element(&mut self, core: &mut Core, element: Element) {
        let (group, index) = element;
        let is_open = self.group(group).state == GroupState::Open;
        if !is_open || !self.is_element_unstarted(element) {
            return;
        }
        let shape = Arc::clone(&self.shape);
        let own = &shape.nodes[self.group(group).node.index()];
        if own.has_element_edges {
            match self.element_edges(element) {
                Ok(ElementEdges::Met) => {}
                Ok(ElementEdges::Unmet(awaited)) => return self.await_elements(element, &awaited),
                Ok(ElementEdges::Obstacle(reason)) => {
                    return self.skip_element(core, element, &reason);
                }
                Err(message) => return self.fail_element(core, element, &message),
            }
        }
        if own.when_by_element {
            match self.when(Place::of_element(self, element)) {
                Ok(None) => {}
                Ok(Some(reason)) => return self.skip_element(core, element, &reason),
                Err(message) => return self.fail_element(core, element, &message),
            }
        }
        let enters = shape::environment(&self.node(group).kind).is_some();
        if enters && !self.plan.event.trusted {
            return self.skip_element(core, element, &SkipReason::Untrusted);
        }
        self.ready(core, element);
        match &mut self.group_mut(group).limits {
            None => self.start(core, element),
            Some(limits) => {
                limits.due.insert(index);
                self.set_due(element);
            }
        }
    }

    /// What the edges of an element that lead to single elements say.
    fn element_edges(&self, element: Element) -> Result<ElementEdges, String> {
        let group = element.0;
        let node = self.node(group);
        let place = Place::of_element(self, element);
        let mut awaited = Vec::new();
        let (mut blocked, mut not_applicable) = (None, None);
        for wait in &self.shape.nodes[place.node.index()].waits {
            let edge = &node.edges[wait.edge as usize];
            let (Until::Known, Some(values)) = (wait.until, &edge.element) else {
                continue;
            };
            let scope = self.scope_at(place);
            let values = values.iter().map(|value| value.eval(&scope));
            let values = values
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| self.message(place, "needs", &error))?;
            let name = || self.plan.node(edge.on).name.clone();
            let mut outcomes = Vec::new();
            for source in self.sources(self.group(group).scope, wait) {
                let Some(index) = self.find_element(source, &values) else {
                    // What ended before its elements were known stands for all of them.
                    match (&self.group(source).elements, self.group(source).outcome()) {
                        (Elements::One, Some(outcome)) => outcomes.push(outcome),
                        _ => {
                            let key = Value::element_key(&values);
                            let line = node.place.line;
                            let name = name();
                            return Err(format!("needs (line {line}): {name} has no `{key}`"));
                        }
                    }
                    continue;
                };
                match self.settled((source, index)) {
                    Some(outcome) => outcomes.push(outcome),
                    None => awaited.push((source, index)),
                }
            }
            if !wait.blocks {
                continue;
            }
            match Verdict::of(outcomes.into_iter()) {
                Verdict::Well => {}
                Verdict::Blocked => {
                    blocked.get_or_insert_with(|| SkipReason::Blocked { name: name() });
                }
                Verdict::NotApplicable if wait.kind.passes_not_applicable() => {}
                Verdict::NotApplicable => {
                    not_applicable.get_or_insert_with(|| SkipReason::NeedsSkipped { name: name() });
                }
            }
        }
        Ok(match blocked.or(not_applicable) {
            _ if !awaited.is_empty() => ElementEdges::Unmet(awaited),
            Some(reason) => ElementEdges::Obstacle(reason),
            None => ElementEdges::Met,
        })
    }

    /// How an element ended, for those who need it.
    fn settled(&self, element: Element) -> Option<&Outcome> {
        if self.is_stage(element.0) {
            return match &self.scope(self.scope_of(element)).state {
                ScopeState::Ended(outcome) => Some(outcome),
                _ => None,
            };
        }
        let ending = self.job(self.job_of(element)).ending()?;
        Some(match ending.allowed {
            true => &Outcome::Succeeded,
            false => &ending.outcome,
        })
    }

    /// The element with these values.
    pub(crate) fn find_element(&self, group: GroupIdx, values: &[Value]) -> Option<u32> {
        (0..self.group(group).n).find(|index| self.values((group, *index)) == values)
    }

    /// Whether an element waits for others; then it is told when they have ended.
    pub(crate) fn is_awaiting_elements(&mut self, element: Element) -> Result<bool, String> {
        let node = self.group(element.0).node;
        if !self.shape.nodes[node.index()].has_element_edges {
            return Ok(false);
        }
        match self.element_edges(element)? {
            ElementEdges::Unmet(awaited) => {
                self.await_elements(element, &awaited);
                Ok(true)
            }
            ElementEdges::Met | ElementEdges::Obstacle(_) => Ok(false),
        }
    }

    fn await_elements(&mut self, element: Element, awaited: &[Element]) {
        if self.element_unmet.contains_key(&element) {
            return;
        }
        self.element_unmet.insert(element, awaited.len() as u32);
        for awaited in awaited {
            let watchers = self.element_watchers.entry(*awaited).or_default();
            watchers.push(element);
        }
    }

    /// All that an element waited for is there.
    fn ready(&mut self, core: &mut Core, element: Element) {
        if self.is_stage(element.0) {
            return;
        }
        let job = self.job_of(element);
        self.set_rank(core, job);
        self.job_mut(job).ready_at = Some(core.now.wall_ms).into();
        core.publish(self.id, EventKind::JobReady { job });
    }

    pub(crate) fn set_due(&mut self, element: Element) {
        if self.is_stage(element.0) {
            let scope = self.scope_of(element);
            self.scope_mut(scope).state = ScopeState::Due;
        } else {
            let job = self.job_of(element);
            self.job_mut(job).state = State::Due;
        }
    }

    /// Starts as many of the elements whose turn it is as the group's limits allow, in order.
    pub(crate) fn admit(&mut self, core: &mut Core, group: GroupIdx) {
        while let Some(index) = self.next_due(group) {
            if let Some(limits) = &mut self.group_mut(group).limits {
                limits.due.remove(&index);
            }
            self.start(core, (group, index));
        }
    }

    /// The next element that may start.
    fn next_due(&mut self, group: GroupIdx) -> Option<u32> {
        if self.group(group).state != GroupState::Open {
            return None;
        }
        let mut first_open = self.group(group).limits.as_ref()?.first_open;
        while first_open < self.group(group).n && self.has_element_ended((group, first_open)) {
            first_open += 1;
        }
        let n_active = self.group(group).n_active;
        let limits = self.group_mut(group).limits.as_mut()?;
        limits.first_open = first_open;
        let index = *limits.due.first()?;
        let in_batch = limits
            .batch
            .is_none_or(|size| index / size == first_open / size);
        (in_batch && n_active < limits.max_parallel).then_some(index)
    }

    /// Starts an element: it takes what it locks, and then waits for a slot, asks people, or is
    /// entered.
    fn start(&mut self, core: &mut Core, element: Element) {
        self.group_mut(element.0).n_active += 1;
        match self.node(element.0).kind {
            NodeKind::Approve(_) => self.ask(core, self.job_of(element)),
            NodeKind::Job(_) => match self.claim(core, element) {
                Ok(true) => self.enqueue(core, self.job_of(element)),
                Ok(false) => {}
                Err(message) => self.fail_element(core, element, &message),
            },
            NodeKind::Stage(_) => match self.claim(core, element) {
                Ok(true) => self.enter_scope(core, self.scope_of(element)),
                Ok(false) => {}
                Err(message) => self.fail_element(core, element, &message),
            },
        }
    }

    /// An element has ended.
    pub(crate) fn after_element(&mut self, core: &mut Core, element: Element, was_active: bool) {
        let (group, index) = element;
        let this = self.group_mut(group);
        this.n_ended += 1;
        this.n_active -= u32::from(was_active);
        if let Some(limits) = &mut this.limits {
            limits.due.remove(&index);
        }
        for watcher in self.element_watchers.remove(&element).unwrap_or_default() {
            if let Some(unmet) = self.element_unmet.get_mut(&watcher) {
                *unmet -= 1;
                if *unmet == 0 {
                    self.todo.push_back(Todo::ElementReady(watcher));
                }
            }
        }
        let fails = !self.is_stage(group) && {
            let ending = self.job(self.job_of(element)).ending();
            ending.is_some_and(super::Ending::is_failure)
        };
        if fails {
            let around: Vec<_> = self.scopes_up(self.group(group).scope).collect();
            for scope in around {
                self.scope_mut(scope).n_failed_jobs += 1;
            }
            self.doom_element(core, group);
        }
        let this = self.group(group);
        if this.n_ended == this.n {
            self.end_group(core, group);
        } else if this.limits.is_some() {
            self.admit(core, group);
        }
    }

    /// One more element of a group is certain to fail.
    fn doom_element(&mut self, core: &mut Core, group: GroupIdx) {
        let plan = Arc::clone(&self.plan);
        let fan_out = plan.node(self.group(group).node).fan_out.as_ref();
        let allowed = fan_out.and_then(|fan_out| fan_out.max_failures);
        let fail_fast = fan_out.is_some_and(|fan_out| fan_out.fail_fast) && !self.keep_going;
        let this = self.group_mut(group);
        this.n_failed += 1;
        if this.is_doomed || this.n_failed <= allowed.unwrap_or(0) {
            return;
        }
        this.is_doomed = true;
        if allowed.is_some() || fail_fast {
            let n_failed = this.n_failed;
            self.start_no_more(core, group, n_failed);
        }
        if fail_fast {
            self.stop_group(core, group, &FAIL_FAST.into());
        }
        let scope = self.group(group).scope;
        self.doom_scope(core, scope);
    }

    /// Too many elements have failed: the rest is not started.
    fn start_no_more(&mut self, core: &mut Core, group: GroupIdx, n_failed: u32) {
        let by = match n_failed {
            1 => "1 element failed".to_owned(),
            n => format!("{n} elements failed"),
        };
        let reason = SkipReason::Ended { by };
        for index in 0..self.group(group).n {
            let element = (group, index);
            let never_began = match self.is_stage(group) {
                true => matches!(
                    self.scope(self.scope_of(element)).state,
                    ScopeState::Waiting | ScopeState::Due | ScopeState::Blocked { .. }
                ),
                false => {
                    let job = self.job(self.job_of(element));
                    let waits = matches!(
                        job.state,
                        State::Waiting | State::Due | State::Blocked { .. } | State::Queued
                    );
                    waits && job.n_attempts == 0
                }
            };
            if never_began {
                self.skip_element(core, element, &reason);
            }
        }
    }

    /// It is certain that a scope fails.
    pub(crate) fn doom_scope(&mut self, core: &mut Core, scope: ScopeIdx) {
        if std::mem::replace(&mut self.scope_mut(scope).is_doomed, true) {
            return;
        }
        let fail_fast = match self.scope(scope).element {
            None => self.plan.fail_fast,
            Some((group, _)) => match &self.node(group).kind {
                NodeKind::Stage(stage) => stage.fail_fast,
                _ => false,
            },
        };
        let in_main = self.scope(scope).state == ScopeState::Entered(Phase::Main);
        if fail_fast && in_main && !self.keep_going {
            self.stop_scope(core, scope, &FAIL_FAST.into());
        }
        if let Some((group, _)) = self.scope(scope).element {
            self.doom_element(core, group);
        }
    }
}

/// What the edges to single elements say.
enum ElementEdges {
    /// All of them have ended well.
    Met,
    /// These have not ended.
    Unmet(Vec<Element>),
    /// One of them forbids it.
    Obstacle(SkipReason),
}
