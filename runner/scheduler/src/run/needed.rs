//! What is laid into a workspace: the products of the jobs that a job needs.

use super::{Element, Elements, GroupIdx, Place, Run, ScopeIdx};
use model::ids::JobId;
use model::plan::EdgeKind;
use model::spec::Needed;
use model::value::Value;
use std::collections::BTreeSet;

impl Run {
    /// What the jobs produced that an element has edges to, in the order of the text.
    pub(crate) fn needed(&self, element: Element) -> Result<Vec<Needed>, String> {
        let node = self.node(element.0);
        let mut needed = Vec::new();
        let mut seen = BTreeSet::new();
        for wait in &self.shape.nodes[self.group(element.0).node.index()].waits {
            if wait.kind == EdgeKind::Order {
                continue;
            }
            let only = match &node.edges[wait.edge as usize].element {
                None => None,
                Some(values) => {
                    let place = Place::of_element(self, element);
                    let scope = self.scope_at(place);
                    let values = values.iter().map(|value| value.eval(&scope));
                    let values = values.collect::<Result<Vec<_>, _>>();
                    Some(values.map_err(|error| self.message(place, "needs", &error))?)
                }
            };
            let scope = self.group(element.0).scope;
            let meeting = self.up(scope, wait.up);
            for source in self.sources(scope, wait) {
                if self.is_stage(source) {
                    continue;
                }
                for index in 0..self.group(source).n {
                    let job = self.job_of((source, index));
                    let is_meant = only
                        .as_ref()
                        .is_none_or(|only| self.values((source, index)) == only);
                    if is_meant && seen.insert(job) {
                        needed.extend(self.product(job, meeting)?);
                    }
                }
            }
        }
        Ok(needed)
    }

    /// What a job produced, seen from a scope around it.
    fn product(&self, job: JobId, meeting: ScopeIdx) -> Result<Option<Needed>, String> {
        let details = self.job(job).details.as_ref();
        let Some(manifest) = details.and_then(|details| details.produced.clone()) else {
            return Ok(None);
        };
        let element = self.element_of(job);
        let around = self.scopes_up(self.group(element.0).scope);
        let stages = around
            .take_while(|scope| *scope != meeting)
            .filter_map(|scope| self.scope(scope).element);
        let mut keys: Vec<_> = std::iter::once(element)
            .chain(stages)
            .filter(|(group, _)| self.is_fanned_out(*group))
            .map(|element| Value::element_key(self.values(element)))
            .collect();
        keys.reverse();
        if let Some(key) = keys.iter().find(|key| !is_folder(key)) {
            let name = self.job_name(job);
            return Err(format!(
                "`{key}` can't be a folder for what {name} produced"
            ));
        }
        let name = &self.node(element.0).name;
        Ok(Some(Needed {
            job: self.job_name(job),
            below: (!keys.is_empty()).then(|| format!("{name}/{}", keys.join("/"))),
            manifest,
        }))
    }

    fn is_fanned_out(&self, group: GroupIdx) -> bool {
        matches!(
            self.group(group).elements,
            Elements::InPlan | Elements::Found(_)
        )
    }
}

/// Whether an element's key, which a step may have written, stays below its job's folder.
fn is_folder(key: &str) -> bool {
    !key.contains(['\\', ':', '\0'])
        && key
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}
