//! Plans for tests, built without the language.

use model::ids::NodeId;
use model::plan::{
    Edge, EdgeKind, Event, Job, Node, NodeKind, PLAN_VERSION, Phase, Plan, Retry, Step, StepAction,
};
use model::spec::{Place, Shell, StepRetry};
use std::collections::BTreeMap;

/// A job with one step, that needs others by their place in the list.
pub fn job(name: &str, needs: &[u32]) -> Node {
    let step = Step {
        name: "true".to_owned(),
        place: Place { line: 1, column: 1 },
        action: StepAction::Script(Shell::Sh, "true".to_owned()),
        env: Vec::new(),
        when: None,
        dir: None,
        timeout: None,
        retry: StepRetry::default(),
        exit_codes: Vec::new(),
        allow_failure: false,
    };
    Node {
        name: name.to_owned(),
        place: Place { line: 1, column: 1 },
        parent: None,
        phase: Phase::Main,
        fan_out: None,
        when: None,
        edges: needs.iter().map(|on| needs_edge(NodeId(*on))).collect(),
        kind: NodeKind::Job(Box::new(Job {
            steps: vec![step],
            ..Job::default()
        })),
    }
}

fn needs_edge(on: NodeId) -> Edge {
    Edge {
        on,
        kind: EdgeKind::Needs,
        element: None,
    }
}

/// The same job, tried again.
pub fn retried(mut node: Node, retry: Retry) -> Node {
    if let NodeKind::Job(job) = &mut node.kind {
        job.retry = retry;
    }
    node
}

pub fn plan(nodes: Vec<Node>) -> Plan {
    Plan {
        version: PLAN_VERSION,
        language: 1,
        pipeline: "test".to_owned(),
        title: None,
        path: ".gantry/test.gantry".to_owned(),
        event: Event {
            kind: "manual".to_owned(),
            commit: String::new(),
            dirty: false,
            trusted: true,
            fields: BTreeMap::new(),
        },
        params: BTreeMap::new(),
        timeout_ms: None,
        priority: 0,
        fail_fast: false,
        concurrency: None,
        nodes,
        secrets: Vec::new(),
        unsupported: Vec::new(),
    }
}

/// `n` jobs in layers; each needs two of the layer before, as in the benchmarks.
pub fn layered(n: u32, n_layers: u32) -> Plan {
    let width = (n / n_layers).max(1);
    let nodes = (0..n).map(|id| {
        let (layer, place) = (id / width, id % width);
        let needs = match layer {
            0 => vec![],
            _ => {
                let below = (layer - 1) * width;
                let mut needs = vec![below + place, below + (place + 1) % width];
                needs.dedup();
                needs
            }
        };
        job(&format!("job-{id}"), &needs)
    });
    plan(nodes.collect())
}
