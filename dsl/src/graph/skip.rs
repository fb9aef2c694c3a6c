//! What of a plan is known not to run.

use model::outcome::SkipReason;
use model::plan::EdgeKind;
use model::{Expr, NodeId, Plan, Value};
use std::collections::VecDeque;

/// For each node, why the plan knows already that it will be skipped. Those in a skipped stage are
/// skipped with it, and have no reason of their own.
#[must_use]
pub fn skipped(plan: &Plan) -> Vec<Option<SkipReason>> {
    let mut skipped: Vec<Option<SkipReason>> = vec![None; plan.nodes.len()];
    let mut needed_by: Vec<Vec<NodeId>> = vec![Vec::new(); plan.nodes.len()];
    let mut children: Vec<Vec<NodeId>> = vec![Vec::new(); plan.nodes.len()];
    let mut queue = VecDeque::new();
    for (id, node) in plan.iter() {
        if let Some(stage) = node.parent {
            children[stage.index()].push(id);
        }
        for edge in &node.edges {
            if matches!(edge.kind, EdgeKind::Needs | EdgeKind::Output) {
                needed_by[edge.on.index()].push(id);
            }
        }
        if let Some(when) = &node.when
            && when.expr == Expr::Const(Value::Bool(false))
        {
            skipped[id.index()] = Some(SkipReason::When {
                condition: when.text.clone(),
            });
            queue.push_back(id);
        }
    }
    // What needs a skipped one is skipped as well, and so is what needs something in a skipped stage.
    let mut passed = vec![false; plan.nodes.len()];
    while let Some(id) = queue.pop_front() {
        if std::mem::replace(&mut passed[id.index()], true) {
            continue;
        }
        queue.extend(&children[id.index()]);
        for waiting in &needed_by[id.index()] {
            let reason = &mut skipped[waiting.index()];
            if reason.is_none() {
                *reason = Some(SkipReason::NeedsSkipped {
                    name: plan.node(id).name.clone(),
                });
            }
            queue.push_back(*waiting);
        }
    }
    skipped
}
