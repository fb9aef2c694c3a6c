//! The tree that `gantry plan` prints.

use super::expr::write_sources;
use super::{n_elements, secrets, skipped, word, written};
use model::outcome::SkipReason;
use model::plan::{EdgeKind, Over, Phase};
use model::{Node, NodeId, Plan, Value};
use std::fmt::Write as _;

/// How many elements of a `for` are listed; of the others only how many there are.
const ELEMENTS_SHOWN: usize = 8;

/// The plan as a tree: stages and jobs with what they wait for, what is skipped and why, the secrets
/// that are handed out, and what this build can't carry out.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let mut page = Page {
        plan,
        skipped: skipped(plan),
        out: String::new(),
    };
    page.head();
    page.block(None, Phase::Main, 1);
    if page.has(None, Phase::Always) {
        page.out.push_str("  finally\n");
        page.block(None, Phase::Always, 2);
    }
    page.secrets();
    page.unsupported();
    page.out
}

struct Page<'p> {
    plan: &'p Plan,
    skipped: Vec<Option<SkipReason>>,
    out: String,
}

impl Page<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        for _ in 0..depth {
            self.out.push_str("  ");
        }
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn head(&mut self) {
        let plan = self.plan;
        let title = plan
            .title
            .as_ref()
            .map(|title| format!(": {title}"))
            .unwrap_or_default();
        self.line(0, &format!("pipeline {}{title}", plan.pipeline));
        let mut event = format!("event {}", plan.event.kind);
        if !plan.event.commit.is_empty() {
            let dirty = if plan.event.dirty {
                " with changes"
            } else {
                ""
            };
            let commit: String = plan.event.commit.chars().take(12).collect();
            let _ = write!(event, ", commit {commit}{dirty}");
        }
        if !plan.event.trusted {
            event.push_str(", not trusted");
        }
        self.line(1, &event);
        for (name, value) in &plan.params {
            self.line(1, &format!("param {name} = {value}"));
        }
        if let Some(timeout) = plan.timeout_ms {
            self.line(1, &format!("timeout {}", Value::Duration(timeout)));
        }
    }

    fn has(&self, parent: Option<NodeId>, phase: Phase) -> bool {
        self.plan
            .nodes
            .iter()
            .any(|node| node.parent == parent && node.phase == phase)
    }

    fn block(&mut self, parent: Option<NodeId>, phase: Phase, depth: usize) {
        let plan = self.plan;
        for (id, node) in plan.iter() {
            if node.parent == parent && node.phase == phase {
                self.node(id, node, depth);
            }
        }
    }

    fn node(&mut self, id: NodeId, node: &Node, depth: usize) {
        let word = word(self.plan, id);
        let mut line = format!("{word} {}", node.name);
        line.push_str(&self.fan_out(node));
        self.line(depth, &line);
        for fact in self.facts(id, node) {
            self.line(depth + 2, &fact);
        }
        if word != "stage" {
            return;
        }
        self.block(Some(id), Phase::Main, depth + 1);
        for (title, phase) in [("on_failure", Phase::OnFailure), ("always", Phase::Always)] {
            if self.has(Some(id), phase) {
                self.line(depth + 1, title);
                self.block(Some(id), phase, depth + 2);
            }
        }
    }

    fn fan_out(&self, node: &Node) -> String {
        let Some(many) = &node.fan_out else {
            return String::new();
        };
        match &many.over {
            Over::Known(elements) => format!(" × {} for {}", elements.len(), many.vars.join(", ")),
            Over::Found { sources, filter } => {
                let mut text = String::new();
                write_sources(self.plan, sources, filter.as_ref(), &mut text);
                text + " (found while running)"
            }
        }
    }

    fn facts(&self, id: NodeId, node: &Node) -> Vec<String> {
        let mut facts = Vec::new();
        if let Some(reason) = &self.skipped[id.index()] {
            // "Not applicable" is what every skip of a plan is.
            let reason = reason.to_string();
            let why = reason.strip_prefix("not applicable: ").unwrap_or(&reason);
            facts.push(format!("skipped: {why}"));
        } else if let Some(when) = &node.when
            && when.expr.as_const().is_none()
        {
            facts.push(format!("when {}", when.text));
        }
        for (title, kinds) in [
            ("needs", &[EdgeKind::Needs, EdgeKind::Output][..]),
            ("after", &[EdgeKind::After]),
            ("waits for", &[EdgeKind::Order]),
        ] {
            let names = self.edges(node, kinds);
            if !names.is_empty() {
                facts.push(format!("{title} {}", names.join(", ")));
            }
        }
        if let Some(job) = node.as_job() {
            if job.runs_on.is_some() {
                facts.push(format!("runs on {}", job.runs_on_text));
            }
            if let Some(environment) = &job.environment {
                facts.push(format!(
                    "environment {}",
                    environment
                        .as_const()
                        .map_or_else(|| written(self.plan, environment), Value::to_text,)
                ));
            }
        }
        if n_elements(node).is_some_and(|count| count > 0) {
            facts.extend(elements(node));
        }
        facts
    }

    fn edges(&self, node: &Node, kinds: &[EdgeKind]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for edge in node.edges.iter().filter(|edge| kinds.contains(&edge.kind)) {
            let mut name = self.plan.node(edge.on).name.clone();
            if let Some(element) = &edge.element {
                let keys: Vec<String> = element.iter().map(|key| written(self.plan, key)).collect();
                let _ = write!(name, "[{}]", keys.join(", "));
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn secrets(&mut self) {
        let plan = self.plan;
        for secret in &plan.secrets {
            let users: Vec<&str> = plan
                .nodes
                .iter()
                .filter(|node| secrets(node).contains(secret.as_str()))
                .map(|node| node.name.as_str())
                .collect();
            self.line(1, &format!("secret {secret} for {}", users.join(", ")));
        }
    }

    fn unsupported(&mut self) {
        let plan = self.plan;
        if plan.unsupported.is_empty() {
            return;
        }
        self.line(0, "this build can't carry out");
        for entry in &plan.unsupported {
            let of = entry
                .node
                .map(|id| format!(" of {}", plan.node(id).name))
                .unwrap_or_default();
            self.line(
                1,
                &format!(
                    "line {}: `{}`{of}; {}",
                    entry.place.line, entry.word, entry.help
                ),
            );
        }
    }
}

fn elements(node: &Node) -> Vec<String> {
    let Some(Over::Known(elements)) = node.fan_out.as_ref().map(|many| &many.over) else {
        return Vec::new();
    };
    let mut lines: Vec<String> = elements
        .iter()
        .take(ELEMENTS_SHOWN)
        .map(|element| model::resolve::instance_name(&[], &node.name, element))
        .collect();
    if elements.len() > ELEMENTS_SHOWN {
        lines.push(format!("… and {} more", elements.len() - ELEMENTS_SHOWN));
    }
    lines
}
