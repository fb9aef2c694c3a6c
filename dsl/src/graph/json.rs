//! The plan as JSON for tools: `gantry plan --format json`. A stable form, apart from that in which
//! plans are stored.
//!
//! ```json
//! {
//!   "version": 1,
//!   "pipeline": "ci", "title": null, "path": ".gantry/ci.gantry",
//!   "event": { "kind": "push", "commit": "…", "dirty": false, "trusted": true, "fields": {} },
//!   "params": { "name": "value" },
//!   "nodes": [ {
//!     "id": 0, "kind": "job | stage | approve | merge", "name": "test",
//!     "line": 4, "column": 3, "parent": null, "phase": "main | on_failure | always",
//!     "when": "the condition, where the run decides it", "skipped": "why, where it is known",
//!     "for": { "variables": ["os"], "elements": [["linux"]], "found": "the list, where the run finds it" },
//!     "waits_for": [ { "id": 1, "kind": "needs | output | after | order", "element": ["\"linux\""] } ],
//!     "runs_on": "\"linux\"",
//!     "steps": [ { "name": "cargo test", "line": 5, "does": "sh | … | exec | artifact" } ],
//!     "outputs": { "version": "string" }, "produces": ["\"dist/**\""], "secrets": ["token"]
//!   } ],
//!   "secrets": ["token"],
//!   "unsupported": [ { "word": "cache", "line": 7, "column": 5, "node": 0, "help": "…" } ]
//! }
//! ```
//!
//! Ids are positions in `nodes`. What has no value is `null` or absent; readers pass over fields that
//! they don't know. Expressions are written as in a pipeline.

use super::{secrets, skipped, word, written};
use model::outcome::SkipReason;
use model::plan::{FanOut, Over, StepAction};
use model::{Node, NodeId, Plan, Value};
use serde_json::{Map, Value as Json, json};

/// The version of the form; it grows when a field changes its meaning or goes.
pub const PLAN_JSON_VERSION: u32 = 1;

/// The plan in the form that this module describes.
#[must_use]
pub fn plan_json(plan: &Plan) -> Json {
    let skipped = skipped(plan);
    let nodes: Vec<Json> = plan
        .iter()
        .map(|(id, node)| node_json(plan, id, node, skipped[id.index()].as_ref()))
        .collect();
    let values = |values: &std::collections::BTreeMap<String, Value>| -> Map<String, Json> {
        values
            .iter()
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect()
    };
    let unsupported: Vec<Json> = plan
        .unsupported
        .iter()
        .map(|entry| {
            json!({
                "word": entry.word,
                "line": entry.place.line,
                "column": entry.place.column,
                "node": entry.node,
                "help": entry.help,
            })
        })
        .collect();
    json!({
        "version": PLAN_JSON_VERSION,
        "pipeline": plan.pipeline,
        "title": plan.title,
        "path": plan.path,
        "event": {
            "kind": plan.event.kind,
            "commit": plan.event.commit,
            "dirty": plan.event.dirty,
            "trusted": plan.event.trusted,
            "fields": values(&plan.event.fields),
        },
        "params": values(&plan.params),
        "nodes": nodes,
        "secrets": plan.secrets,
        "unsupported": unsupported,
    })
}

fn node_json(plan: &Plan, id: NodeId, node: &Node, skipped: Option<&SkipReason>) -> Json {
    let waits_for: Vec<Json> = node
        .edges
        .iter()
        .map(|edge| {
            let element = edge.element.as_ref().map(|element| {
                element
                    .iter()
                    .map(|key| written(plan, key))
                    .collect::<Vec<_>>()
            });
            json!({ "id": edge.on, "kind": edge.kind, "element": element })
        })
        .collect();
    let when = node
        .when
        .as_ref()
        .filter(|when| when.expr.as_const().is_none());
    let mut json = json!({
        "id": id,
        "kind": word(plan, id),
        "name": node.name,
        "line": node.place.line,
        "column": node.place.column,
        "parent": node.parent,
        "phase": node.phase,
        "when": when.map(|when| &when.text),
        "skipped": skipped.map(ToString::to_string),
        "for": node.fan_out.as_ref().map(|many| fan_out(plan, many)),
        "waits_for": waits_for,
    });
    if let (Some(job), Some(fields)) = (node.as_job(), json.as_object_mut()) {
        let steps: Vec<Json> = job
            .steps
            .iter()
            .map(|step| {
                let does = match &step.action {
                    StepAction::Script(shell, _) => shell.word(),
                    StepAction::Exec(_) => "exec",
                    StepAction::Artifact(_) => "artifact",
                };
                json!({ "name": step.name, "line": step.place.line, "does": does })
            })
            .collect();
        let outputs: Map<String, Json> = job
            .outputs
            .iter()
            .map(|output| (output.name.clone(), output.ty.to_string().into()))
            .collect();
        let produces: Vec<String> = job
            .produces
            .iter()
            .map(|path| written(plan, path))
            .collect();
        fields.insert(
            "runs_on".to_owned(),
            job.runs_on
                .as_ref()
                .map(|_| job.runs_on_text.clone())
                .into(),
        );
        fields.insert("steps".to_owned(), steps.into());
        fields.insert("outputs".to_owned(), outputs.into());
        fields.insert("produces".to_owned(), produces.into());
        fields.insert("secrets".to_owned(), secrets(node).into_iter().collect());
    }
    json
}

fn fan_out(plan: &Plan, many: &FanOut) -> Json {
    let (elements, found) = match &many.over {
        Over::Known(elements) => {
            let elements: Vec<Vec<Json>> = elements
                .iter()
                .map(|element| element.iter().map(Value::to_json).collect())
                .collect();
            (Some(elements), None)
        }
        Over::Found { sources, filter } => {
            let mut text = String::new();
            super::expr::write_sources(plan, sources, filter.as_ref(), &mut text);
            (None, Some(text.trim_start().to_owned()))
        }
    };
    json!({
        "variables": many.vars,
        "elements": elements,
        "found": found,
        "max_parallel": many.max_parallel,
        "max_failures": many.max_failures,
        "fail_fast": many.fail_fast,
    })
}
