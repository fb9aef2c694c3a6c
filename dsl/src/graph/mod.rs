//! A plan for people and tools: as a tree of text, for Graphviz, and as JSON.

mod dot;
mod expr;
mod json;
mod skip;
mod text;

pub use dot::dot;
pub use expr::written;
pub use json::{PLAN_JSON_VERSION, plan_json};
pub use skip::skipped;
pub use text::text;

use model::plan::{NodeKind, Over};
use model::{Expr, Node, NodeId, Plan, Value};
use std::collections::BTreeSet;

/// What a node is: `job`, `stage`, `approve`, `merge`.
fn word(plan: &Plan, id: NodeId) -> &'static str {
    match plan.node(id).kind {
        NodeKind::Job(_) => "job",
        NodeKind::Approve(_) => "approve",
        // A merge holds nothing, and is in a plan only to be refused.
        NodeKind::Stage(_) => {
            let is_merge =
                |entry: &model::plan::Unsupported| entry.node == Some(id) && entry.word == "merge";
            if plan.unsupported.iter().any(is_merge) {
                "merge"
            } else {
                "stage"
            }
        }
    }
}

/// The secrets that a node's jobs get, sorted.
fn secrets(node: &Node) -> BTreeSet<&str> {
    let mut secrets = BTreeSet::new();
    let Some(job) = node.as_job() else {
        return secrets;
    };
    let steps = [&job.steps, &job.on_failure, &job.on_success, &job.always];
    let envs = steps.into_iter().flatten().map(|step| &step.env);
    for (_, expr) in envs.chain([&job.env]).flatten() {
        collect(expr, &mut secrets);
    }
    secrets
}

fn collect<'p>(expr: &'p Expr, secrets: &mut BTreeSet<&'p str>) {
    match expr {
        Expr::Const(Value::Secret(name)) => drop(secrets.insert(name)),
        Expr::If(condition, yes, no) => {
            for part in [condition, yes, no] {
                collect(part, secrets);
            }
        }
        Expr::Map(entries) => {
            for value in entries.values() {
                collect(value, secrets);
            }
        }
        Expr::List(items) => {
            for item in items {
                collect(item, secrets);
            }
        }
        _ => {}
    }
}

/// How many elements a node has, where that is known and it has a `for`.
fn n_elements(node: &Node) -> Option<usize> {
    match &node.fan_out.as_ref()?.over {
        Over::Known(elements) => Some(elements.len()),
        Over::Found { .. } => None,
    }
}
