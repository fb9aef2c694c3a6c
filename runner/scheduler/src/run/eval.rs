//! What the expressions of a run see.

use super::{Element, GroupIdx, Run, ScopeIdx};
use crate::shape::Meeting;
use model::expr::Scope;
use model::ids::NodeId;
use model::value::Value;
use std::collections::BTreeMap;

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The node that has it.
    pub node: NodeId,
    /// The scope of that node.
    pub scope: ScopeIdx,
    /// The element, where it is that of one.
    pub element: Option<Element>,
}

impl Place {
    pub(crate) fn of_group(run: &Run, group: GroupIdx) -> Self {
        Self {
            node: run.group(group).node,
            scope: run.group(group).scope,
            element: None,
        }
    }

    pub(crate) fn of_element(run: &Run, element: Element) -> Self {
        Self {
            element: Some(element),
            ..Self::of_group(run, element.0)
        }
    }
}

/// What an expression at a place sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunScope<'a> {
    run: &'a Run,
    place: Place,
    url_base: &'a str,
}

impl Run {
    pub(crate) fn scope_at(&self, place: Place) -> RunScope<'_> {
        RunScope {
            run: self,
            place,
            url_base: &self.url_base,
        }
    }

    fn variable(&self, element: Element, name: &str) -> Option<&Value> {
        let fan_out = self.node(element.0).fan_out.as_ref()?;
        let index = fan_out.vars.iter().position(|known| known == name)?;
        self.values(element).get(index)
    }

    /// An output of all instances of a node below a scope: as it is where there is one, else a map by
    /// element.
    fn collect(&self, scope: ScopeIdx, path: &[NodeId], name: &str) -> Option<Value> {
        let (node, below) = path.split_first()?;
        let group = self.scope(scope).at(self.shape.nodes[node.index()].place);
        let one = |element: Element| match below.is_empty() {
            true => {
                let details = self.job(self.job_of(element)).details.as_ref()?;
                details.outputs.get(name).cloned()
            }
            false => self.collect(self.scope_of(element), below, name),
        };
        if below.is_empty() && self.is_stage(group) {
            return None;
        }
        let this = self.group(group);
        if self.plan.node(*node).fan_out.is_none() {
            return (this.n == 1).then(|| one((group, 0)))?;
        }
        let entries: BTreeMap<_, _> = (0..this.n)
            .filter_map(|index| {
                let key = Value::element_key(self.values((group, index)));
                Some((key, one((group, index))?))
            })
            .collect();
        this.is_known().then_some(Value::Map(entries))
    }
}

impl Scope for RunScope<'_> {
    fn var(&self, name: &str) -> Option<Value> {
        let run = self.run;
        let around = run
            .scopes_up(self.place.scope)
            .filter_map(|scope| run.scope(scope).element);
        let mut elements = self.place.element.into_iter().chain(around);
        elements.find_map(|element| run.variable(element, name).cloned())
    }

    fn output(&self, job: NodeId, name: &str) -> Option<Value> {
        let meeting = Meeting::of(&self.run.plan, self.place.node, job);
        let levels = meeting.watcher.len().checked_sub(1)?;
        let scope = self.run.up(self.place.scope, levels as u32);
        self.run.collect(scope, &meeting.source, name)
    }

    fn run(&self, field: &str) -> Option<Value> {
        let id = self.run.id;
        match field {
            "id" => i64::try_from(id.0).ok().map(Value::Int),
            "url" if self.url_base.is_empty() => Some(Value::text("")),
            "url" => Some(Value::text(format!("{}/runs/{id}", self.url_base))),
            "outcome" => Some(Value::text(self.run.run_outcome().word())),
            "pipeline" => Some(Value::text(&self.run.plan.pipeline)),
            _ => None,
        }
    }

    fn failed(&self) -> bool {
        let mut around = self.run.scopes_up(self.place.scope);
        around.any(|scope| self.run.scope(scope).is_doomed)
            || self.run.canceled_by.as_deref() == Some(crate::record::RUN_TIMEOUT)
    }
}
