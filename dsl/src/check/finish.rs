//! What can be said only when all nodes are there: cycles, elements, paths, sizes, secrets.

use super::checker::Checker;
use super::declare::Kind;
use super::job::Built;
use super::path::PathRule;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::closest;
use crate::plan::{MAX_EDGES, MAX_JOBS, cycle};
use model::plan::{EdgeKind, NodeKind, Over};
use model::{Expr, Node, NodeId, Scope, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How many paths of elements are looked at; a worker refuses the others.
const MAX_PATHS: usize = 100_000;

impl Checker<'_> {
    /// What can be said when all nodes are there.
    pub(super) fn finish(&mut self, built: &mut Built) {
        cycle::find(self.scope, &built.links, &mut self.sink);
        self.check_keys(built);
        self.check_paths_of_needs(built);
        self.check_size(built);
        self.check_paths_of_elements(built);
        self.optional_outputs(built);
        self.collect_secrets(built);
        for (node, links) in built.nodes.iter_mut().zip(std::mem::take(&mut built.links)) {
            node.edges = links.into_iter().map(|link| link.edge).collect();
        }
    }

    pub(super) fn too_many_edges(&mut self) {
        self.sink.push(
            Diagnostic::error(
                Code::TooManyEdges,
                format!("a plan may have {} edges", MAX_EDGES),
                self.scope.span,
                "more than that here",
            )
            .help("put jobs into stages: a stage is waited for as one"),
        );
    }

    /// Whether elements that are named exist, where that is known.
    fn check_keys(&mut self, built: &Built) {
        let mut known: BTreeMap<NodeId, BTreeSet<String>> = BTreeMap::new();
        for link in built.links.iter().flatten() {
            let Some(element) = &link.edge.element else {
                continue;
            };
            let values = element.iter().map(|expr| expr.as_const().cloned());
            let values: Option<Vec<Value>> = values.collect();
            let of = &built.nodes[link.edge.on.index()];
            let (Some(values), Some(Over::Known(elements))) =
                (values, of.fan_out.as_ref().map(|many| &many.over))
            else {
                continue;
            };
            let keys = known.entry(link.edge.on).or_insert_with(|| {
                elements
                    .iter()
                    .map(|element| Value::element_key(element))
                    .collect()
            });
            let key = Value::element_key(&values);
            if keys.contains(&key) || self.sink.is_full() {
                continue;
            }
            let diagnostic = Diagnostic::error(
                Code::NoSuchElement,
                format!("`{}` has no element `{key}`", of.name),
                link.span,
                "not one of its elements",
            );
            let all = keys.iter().map(String::as_str);
            self.sink.push(match closest(&key, all.clone()) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                None => diagnostic.help(format!("its elements are {}", crate::names::all_of(all))),
            });
        }
    }

    /// What two needed jobs produce at one path would overwrite each other.
    fn check_paths_of_needs(&mut self, built: &Built) {
        for (index, links) in built.links.iter().enumerate() {
            if links.len() < 2 || self.scope.nodes[index].kind != Kind::Job {
                continue;
            }
            let mut seen: BTreeMap<&str, NodeId> = BTreeMap::new();
            for link in links
                .iter()
                .filter(|link| link.edge.kind != EdgeKind::Order)
            {
                let on = &built.nodes[link.edge.on.index()];
                let NodeKind::Job(job) = &on.kind else {
                    continue;
                };
                if on.fan_out.is_some() {
                    continue;
                }
                for path in &job.produces {
                    let Expr::Const(Value::String(path)) = path else {
                        continue;
                    };
                    match seen.insert(path, link.edge.on) {
                        Some(other) if other != link.edge.on => {
                            let other = self.declared(other).name;
                            self.sink.push(
                                Diagnostic::error(
                                    Code::SamePath,
                                    format!("`{other}` and `{}` both produce `{path}`", on.name),
                                    link.span,
                                    "both would lie at one path here",
                                )
                                .help("let them produce different paths"),
                            );
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// Paths that the elements of a `for` decide, where these are known.
    fn check_paths_of_elements(&mut self, built: &Built) {
        let mut n_looked_at = 0_usize;
        for (node, declared) in built.nodes.iter().zip(&self.scope.nodes) {
            let NodeKind::Job(job) = &node.kind else {
                continue;
            };
            let stage = node.parent.map(|stage| &built.nodes[stage.index()]);
            let (Some(outer), Some(inner)) = (elements(stage), elements(Some(node))) else {
                continue;
            };
            let produces = job.produces.iter().map(|path| ("produces", path));
            let inputs = job.inputs.iter().flatten().map(|path| ("inputs", path));
            let dir = job.dir.iter().map(|path| ("dir", path));
            for (name, path) in produces.chain(inputs).chain(dir) {
                let Some(setting) = declared.body.setting(name) else {
                    continue;
                };
                if path.as_const().is_some() || self.sink.is_full() {
                    continue;
                }
                let rule = match name {
                    "dir" => PathRule::PLAIN,
                    _ => PathRule::GLOB,
                };
                for values in outer
                    .iter()
                    .flat_map(|outer| inner.iter().map(move |inner| (outer, inner)))
                {
                    n_looked_at += 1;
                    let text = path.eval_text(&Element(&[values.0, values.1]));
                    let is_fine = text.is_err()
                        || text.is_ok_and(|text| self.path(&text, rule, setting.value.span));
                    if !is_fine || n_looked_at > MAX_PATHS {
                        break;
                    }
                }
            }
        }
    }

    /// How many jobs there are, as far as it is known.
    fn check_size(&mut self, built: &Built) {
        let limit = self.known.map_or(MAX_JOBS, |known| known.request.max_jobs);
        let count = |node: &Node| match node.fan_out.as_ref().map(|many| &many.over) {
            Some(Over::Known(elements)) => elements.len(),
            _ => 1,
        };
        let mut n_jobs = 0_usize;
        for (node, declared) in built.nodes.iter().zip(&self.scope.nodes) {
            if declared.kind != Kind::Job {
                continue;
            }
            let stage = declared
                .parent
                .map_or(1, |stage| count(&built.nodes[stage.index()]));
            n_jobs = n_jobs.saturating_add(count(node).saturating_mul(stage));
        }
        if n_jobs > limit {
            self.sink.push(
                Diagnostic::error(
                    Code::TooManyJobs,
                    format!("a plan may have {limit} jobs"),
                    self.scope.span,
                    format!("{n_jobs} here"),
                )
                .help("do more in one job, or split the pipeline"),
            );
        }
    }

    /// An output may be missing where each of its uses says what it is then.
    fn optional_outputs(&mut self, built: &mut Built) {
        for ((id, index), uses) in &self.uses {
            if uses.plain || !uses.in_default {
                continue;
            }
            if let NodeKind::Job(job) = &mut built.nodes[id.index()].kind
                && let Some(output) = job.outputs.get_mut(*index)
            {
                output.optional = true;
            }
        }
    }

    /// The secrets that jobs get which are not skipped already.
    fn collect_secrets(&mut self, built: &Built) {
        let is_off = |node: &Node| matches!(&node.when, Some(when) if when.expr == Expr::Const(Value::Bool(false)));
        let mut secrets = BTreeSet::new();
        for node in &built.nodes {
            let NodeKind::Job(job) = &node.kind else {
                continue;
            };
            if is_off(node)
                || node
                    .parent
                    .is_some_and(|stage| is_off(&built.nodes[stage.index()]))
            {
                continue;
            }
            let steps = [&job.steps, &job.on_failure, &job.on_success, &job.always];
            let envs = steps.into_iter().flatten().map(|step| &step.env);
            for (_, expr) in envs.chain([&job.env]).flatten() {
                expr.visit(&mut |part| {
                    if let Expr::Const(Value::Secret(name)) = part {
                        secrets.insert(name.clone());
                    }
                });
            }
        }
        self.secrets.extend(secrets);
    }
}

/// Variables with values, for each element; one without variables where there is no `for`. `None` where
/// they are not known.
fn elements(node: Option<&Node>) -> Option<Vec<Vec<(&str, &Value)>>> {
    let Some(many) = node.and_then(|node| node.fan_out.as_ref()) else {
        return Some(vec![Vec::new()]);
    };
    let Over::Known(elements) = &many.over else {
        return None;
    };
    let names = many.vars.iter().map(String::as_str);
    Some(
        elements
            .iter()
            .map(|element| names.clone().zip(element).collect())
            .collect(),
    )
}

/// The values of one element: of the stage, and of the job itself.
struct Element<'a>(&'a [&'a Vec<(&'a str, &'a Value)>; 2]);

impl Scope for Element<'_> {
    fn var(&self, name: &str) -> Option<Value> {
        let mut variables = self.0.iter().copied().flatten();
        variables
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).clone())
    }
    fn output(&self, _: NodeId, _: &str) -> Option<Value> {
        None
    }
    fn run(&self, _: &str) -> Option<Value> {
        None
    }
}
