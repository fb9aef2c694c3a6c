//! The plan for Graphviz.

use super::{n_elements, skipped, word};
use model::plan::EdgeKind;
use model::{NodeId, Plan};
use std::fmt::Write as _;

/// The plan as a directed graph in the DOT language: stages are clusters, edges lead from what is
/// waited for; dashed ones are only the order of the text.
#[must_use]
pub fn dot(plan: &Plan) -> String {
    let mut children: Vec<Vec<NodeId>> = vec![Vec::new(); plan.nodes.len()];
    let mut roots = Vec::new();
    for (id, node) in plan.iter() {
        match node.parent {
            Some(stage) => children[stage.index()].push(id),
            None => roots.push(id),
        }
    }
    let skipped = skipped(plan);
    let mut drawing = Drawing {
        plan,
        children,
        is_skipped: skipped.iter().map(Option::is_some).collect(),
        out: String::new(),
    };
    let _ = writeln!(drawing.out, "digraph {} {{", quoted(&plan.pipeline));
    drawing
        .out
        .push_str("  rankdir=LR;\n  compound=true;\n  node [shape=box];\n");
    for id in roots {
        drawing.node(id, 1);
    }
    drawing.edges();
    drawing.out.push_str("}\n");
    drawing.out
}

struct Drawing<'p> {
    plan: &'p Plan,
    children: Vec<Vec<NodeId>>,
    is_skipped: Vec<bool>,
    out: String,
}

impl Drawing<'_> {
    fn node(&mut self, id: NodeId, depth: usize) {
        let node = self.plan.node(id);
        let indent = "  ".repeat(depth);
        let label = match n_elements(node) {
            Some(count) => format!("{} × {count}", node.name),
            None if node.fan_out.is_some() => format!("{} × ?", node.name),
            None => node.name.clone(),
        };
        let style = if self.is_skipped[id.index()] {
            ", style=dotted"
        } else {
            ""
        };
        let word = word(self.plan, id);
        if word == "stage" && !self.children[id.index()].is_empty() {
            let _ = writeln!(self.out, "{indent}subgraph cluster_{id} {{");
            let _ = writeln!(self.out, "{indent}  label={};", quoted(&label));
            for child in self.children[id.index()].clone() {
                self.node(child, depth + 1);
            }
            let _ = writeln!(self.out, "{indent}}}");
            return;
        }
        let shape = match word {
            "approve" | "merge" => ", shape=diamond",
            _ => "",
        };
        let _ = writeln!(
            self.out,
            "{indent}n{id} [label={}{shape}{style}];",
            quoted(&label)
        );
    }

    fn edges(&mut self) {
        let plan = self.plan;
        for (id, node) in plan.iter() {
            for edge in &node.edges {
                let (from, from_cluster) = self.end(edge.on);
                let (to, to_cluster) = self.end(id);
                let mut attributes: Vec<String> = Vec::new();
                attributes.extend(from_cluster.map(|cluster| format!("ltail=cluster_{cluster}")));
                attributes.extend(to_cluster.map(|cluster| format!("lhead=cluster_{cluster}")));
                if edge.kind == EdgeKind::Order {
                    attributes.push("style=dashed".to_owned());
                }
                let attributes = match attributes.as_slice() {
                    [] => String::new(),
                    some => format!(" [{}]", some.join(", ")),
                };
                let _ = writeln!(self.out, "  n{from} -> n{to}{attributes};");
            }
        }
    }

    /// A node that an arrow can touch: for a stage one that is in it, and the stage to stop at.
    fn end(&self, id: NodeId) -> (NodeId, Option<NodeId>) {
        match self.children[id.index()].first() {
            Some(child) => (*child, Some(id)),
            None => (id, None),
        }
    }
}

/// A text in the form of DOT, which knows no escapes but these.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
