//! What follows when edges are satisfied, and when a group or a scope has ended.

use super::{
    Element, Elements, GroupIdx, GroupState, Place, Run, ScopeIdx, ScopeState, State, Todo,
};
use crate::core::Core;
use crate::record::{Change, FanOutRow};
use crate::shape::{Until, Wait};
use model::event::EventKind;
use model::expr::{EvalError, combinations};
use model::ids::JobId;
use model::outcome::{Failure, Outcome, SkipReason};
use model::plan::{Over, Phase};
use model::value::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Run {
    /// Starts the run, unless it was canceled while it waited for its turn.
    pub(crate) fn enter(&mut self, core: &mut Core) {
        if self.scope(ScopeIdx(0)).state == ScopeState::Waiting {
            self.enter_scope(core, ScopeIdx(0));
            self.proceed(core);
        }
    }

    /// Looks at all that has become due, until there is nothing more.
    pub(crate) fn proceed(&mut self, core: &mut Core) {
        while let Some(todo) = self.todo.pop_front() {
            match todo {
                Todo::Ready(group) => self.open(core, group),
                Todo::ElementReady(element) => {
                    self.open_element(core, element);
                    self.admit(core, element.0);
                }
                Todo::Ended(group) => self.after_group(core, group),
            }
        }
    }

    /// All edges of a group are satisfied: does it apply, and to what?
    fn open(&mut self, core: &mut Core, group: GroupIdx) {
        if self.group(group).state != GroupState::Waiting {
            return;
        }
        let shape = Arc::clone(&self.shape);
        let own = &shape.nodes[self.group(group).node.index()];
        if let Some(reason) = self.obstacle(group, &own.waits) {
            return self.skip_group(core, group, &reason);
        }
        if !own.when_by_element {
            let place = Place::of_group(self, group);
            match self.when(place) {
                Ok(None) => {}
                Ok(Some(reason)) => return self.skip_group(core, group, &reason),
                Err(message) => return self.fail_group(core, group, message),
            }
        }
        if !self.group(group).is_known() {
            match self.find_elements(group) {
                Ok(elements) => self.found(core, group, elements),
                Err(message) => return self.fail_group(core, group, message),
            }
        }
        self.group_mut(group).state = GroupState::Open;
        for index in 0..self.group(group).n {
            self.open_element(core, (group, index));
        }
        match self.group(group).n {
            0 => self.end_group(core, group),
            _ => self.admit(core, group),
        }
    }

    /// Why a group can't start, where something that it waits for forbids it.
    fn obstacle(&self, group: GroupIdx, waits: &[Wait]) -> Option<SkipReason> {
        let node = self.node(group);
        let scope = self.group(group).scope;
        let mut not_applicable = None;
        for wait in waits {
            if wait.until == Until::Known || !wait.blocks {
                continue;
            }
            let name = || {
                self.plan
                    .node(node.edges[wait.edge as usize].on)
                    .name
                    .clone()
            };
            let outcomes = self.sources(scope, wait);
            let outcomes = outcomes.iter().filter_map(|at| self.group(*at).outcome());
            match Verdict::of(outcomes) {
                Verdict::Well => {}
                Verdict::Blocked => return Some(SkipReason::Blocked { name: name() }),
                Verdict::NotApplicable if wait.kind.passes_not_applicable() => {}
                Verdict::NotApplicable => {
                    not_applicable.get_or_insert_with(|| SkipReason::NeedsSkipped { name: name() });
                }
            }
        }
        not_applicable
    }

    /// Evaluates a node's `when`: `None` where it applies.
    pub(crate) fn when(&self, place: Place) -> Result<Option<SkipReason>, String> {
        let Some(when) = &self.plan.node(place.node).when else {
            return Ok(None);
        };
        match when.expr.eval_bool(&self.scope_at(place)) {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some(SkipReason::When {
                condition: when.text.clone(),
            })),
            Err(error) => Err(self.message(place, "when", &error)),
        }
    }

    /// An expression that has no value, as its author is told.
    pub(crate) fn message(&self, place: Place, what: &str, error: &EvalError) -> String {
        let line = self.plan.node(place.node).place.line;
        format!("{what} (line {line}): {error}")
    }

    /// Evaluates what a node runs over.
    fn find_elements(&self, group: GroupIdx) -> Result<Box<[Vec<Value>]>, String> {
        let Some(fan_out) = &self.node(group).fan_out else {
            return Ok(Box::default());
        };
        let Over::Found { sources, filter } = &fan_out.over else {
            return Ok(Box::default());
        };
        let place = Place::of_group(self, group);
        let elements = combinations(sources, filter.as_ref(), &self.scope_at(place))
            .map_err(|error| self.message(place, "for", &error))?;
        let mut keys = BTreeSet::new();
        for values in &elements {
            let key = Value::element_key(values);
            if keys.contains(&key) {
                let line = self.node(group).place.line;
                return Err(format!("for (line {line}): two elements are `{key}`"));
            }
            keys.insert(key);
        }
        Ok(elements.into_boxed_slice())
    }

    /// The elements of a fan-out are decided.
    fn found(&mut self, core: &mut Core, group: GroupIdx, elements: Box<[Vec<Value>]>) {
        core.publish(
            self.id,
            EventKind::FannedOut {
                node: self.group(group).node,
                n_elements: elements.len() as u32,
            },
        );
        let row = elements.to_vec();
        self.expand_recorded(core, group, Elements::Found(elements), row);
    }

    /// Creates elements that don't follow from the plan.
    fn expand_recorded(
        &mut self,
        core: &mut Core,
        group: GroupIdx,
        elements: Elements,
        row: Vec<Vec<Value>>,
    ) {
        let first_job = self.jobs.len();
        self.expand(group, elements);
        core.record(Change::FanOut(FanOutRow {
            run: self.id,
            scope: self.scope_elements(self.group(group).scope),
            node: self.group(group).node,
            elements: row,
            first_job: JobId(first_job as u32),
        }));
        for event in self.created_since(first_job) {
            core.publish(self.id, event);
        }
    }

    /// Ends a group that did not start, each of its elements for the same reason.
    pub(crate) fn skip_group(&mut self, core: &mut Core, group: GroupIdx, reason: &SkipReason) {
        self.settle_elements(core, group);
        for index in 0..self.group(group).n {
            self.skip_element(core, (group, index), reason);
        }
    }

    /// Ends an element that did not start.
    pub(crate) fn skip_element(&mut self, core: &mut Core, element: Element, reason: &SkipReason) {
        let outcome = Outcome::Skipped {
            reason: reason.clone(),
        };
        if self.is_stage(element.0) {
            self.skip_scope(core, self.scope_of(element), reason);
        } else {
            self.end_job(core, self.job_of(element), outcome);
        }
    }

    fn skip_scope(&mut self, core: &mut Core, scope: ScopeIdx, reason: &SkipReason) {
        if self.scope(scope).has_ended() {
            return;
        }
        for group in self.scope(scope).groups() {
            self.skip_group(core, group, reason);
        }
        let outcome = Outcome::Skipped {
            reason: reason.clone(),
        };
        self.end_scope(core, scope, outcome);
    }

    /// Ends a group whose expressions have no value.
    fn fail_group(&mut self, core: &mut Core, group: GroupIdx, message: String) {
        self.settle_elements(core, group);
        for index in 0..self.group(group).n {
            self.fail_element(core, (group, index), &message);
        }
    }

    /// Ends an element whose expressions have no value.
    pub(crate) fn fail_element(&mut self, core: &mut Core, element: Element, message: &str) {
        let failure = Failure::Expression {
            message: message.to_owned(),
        };
        let outcome = Outcome::Failed { failure };
        if !self.is_stage(element.0) {
            return self.end_job(core, self.job_of(element), outcome);
        }
        // What is in the stage is blocked by the stage itself.
        let scope = self.scope_of(element);
        if self.scope(scope).has_ended() {
            return;
        }
        let name = self.node(element.0).name.clone();
        for group in self.scope(scope).groups() {
            self.skip_group(core, group, &SkipReason::Blocked { name: name.clone() });
        }
        self.end_scope(core, scope, outcome);
    }

    /// A group that ends before its elements are known stands for itself.
    fn settle_elements(&mut self, core: &mut Core, group: GroupIdx) {
        if !self.group(group).is_known() {
            self.expand_recorded(core, group, Elements::One, vec![Vec::new()]);
        }
    }

    /// All elements of a group have ended.
    pub(crate) fn end_group(&mut self, core: &mut Core, group: GroupIdx) {
        if self.group(group).has_ended() {
            return;
        }
        let outcome = self.group_outcome(group);
        self.group_mut(group).state = GroupState::Ended(outcome);
        self.release_kept(core, group);
        self.todo.push_back(Todo::Ended(group));
    }

    /// Tells everybody that a group has ended.
    fn after_group(&mut self, core: &mut Core, group: GroupIdx) {
        let shape = Arc::clone(&self.shape);
        let (node, scope) = (self.group(group).node, self.group(group).scope);
        let own = &shape.nodes[node.index()];
        self.group_mut(group).is_told = true;
        self.notify(scope, &own.watchers, Until::Ended);
        for counted in own.counted.iter().filter(|counted| counted.is_leaf) {
            let at = self.up(scope, counted.up);
            let index = self.scope(at).first_aggregate + counted.aggregate;
            let aggregate = &mut self.aggregates[index as usize];
            aggregate.n_unended -= 1;
            if aggregate.n_unended == 0 {
                let around = &shape.scopes[self.scope(at).shape as usize];
                let watchers = &around.aggregates[counted.aggregate as usize].watchers;
                self.notify(at, watchers, Until::Ended);
            }
        }
        let phase = self.node(group).phase;
        let around = self.scope_mut(scope);
        if around.state == ScopeState::Entered(phase) {
            around.n_left -= 1;
            if around.n_left == 0 {
                self.after_phase(core, scope, phase);
            }
        }
    }

    /// A scope is entered: what it locks is held.
    pub(crate) fn enter_scope(&mut self, core: &mut Core, scope: ScopeIdx) {
        self.start_phase(core, scope, Phase::Main);
        self.record_stage(core, scope);
    }

    fn start_phase(&mut self, core: &mut Core, scope: ScopeIdx, phase: Phase) {
        self.scope_mut(scope).state = ScopeState::Entered(phase);
        let groups: Vec<_> = self.groups_in(scope, phase).collect();
        if groups.is_empty() {
            return self.after_phase(core, scope, phase);
        }
        self.scope_mut(scope).n_left = groups.len() as u32;
        let no_occasion = match (phase, &self.canceled_by) {
            (Phase::OnFailure, Some(by)) => Some(SkipReason::Ended {
                by: format!("canceled by {by}"),
            }),
            (Phase::OnFailure, None) if !self.scope(scope).is_doomed => {
                Some(SkipReason::NoOccasion)
            }
            _ => None,
        };
        for group in groups {
            match &no_occasion {
                Some(reason) => self.skip_group(core, group, reason),
                None if self.is_wanted(self.group(group).node) => self.one_met(group),
                None => self.skip_group(core, group, &SkipReason::NotSelected),
            }
        }
    }

    fn after_phase(&mut self, core: &mut Core, scope: ScopeIdx, phase: Phase) {
        match phase {
            Phase::Main => self.start_phase(core, scope, Phase::OnFailure),
            Phase::OnFailure => self.start_phase(core, scope, Phase::Always),
            Phase::Always => {
                let outcome = self.scope_outcome(scope);
                self.end_scope(core, scope, outcome);
            }
        }
    }

    fn end_scope(&mut self, core: &mut Core, scope: ScopeIdx, outcome: Outcome) {
        let was_active = !matches!(
            self.scope(scope).state,
            ScopeState::Waiting | ScopeState::Due
        );
        self.release_scope(core, scope);
        let fails = outcome.is_failure();
        self.scope_mut(scope).state = ScopeState::Ended(outcome);
        self.record_stage(core, scope);
        if fails {
            self.doom_scope(core, scope);
        }
        if let Some(element) = self.scope(scope).element {
            self.after_element(core, element, was_active);
        }
    }

    /// Whether an element has ended.
    pub(crate) fn has_element_ended(&self, element: Element) -> bool {
        match self.is_stage(element.0) {
            true => self.scope(self.scope_of(element)).has_ended(),
            false => self.job(self.job_of(element)).has_ended(),
        }
    }

    /// Whether an element waits for its edges, or for its turn.
    pub(crate) fn is_element_unstarted(&self, element: Element) -> bool {
        match self.is_stage(element.0) {
            true => matches!(
                self.scope(self.scope_of(element)).state,
                ScopeState::Waiting | ScopeState::Due
            ),
            false => matches!(
                self.job(self.job_of(element)).state,
                State::Waiting | State::Due
            ),
        }
    }
}

/// What the ends of what an edge leads to mean for the one that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may go on.
    Well,
    /// There was nothing to do.
    NotApplicable,
    /// Something went wrong.
    Blocked,
}

impl Verdict {
    pub(crate) fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        let (mut n_well, mut n_not_applicable) = (0, 0);
        for outcome in outcomes {
            if outcome.is_success() {
                n_well += 1;
            } else if outcome.is_not_applicable() {
                n_not_applicable += 1;
            } else {
                return Self::Blocked;
            }
        }
        match (n_well, n_not_applicable) {
            (0, 1..) => Self::NotApplicable,
            _ => Self::Well,
        }
    }
}
