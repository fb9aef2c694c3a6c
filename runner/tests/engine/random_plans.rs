//! Random plans and what their jobs do, for properties.

use super::fake_worker::Act;
use super::plans::{job, plan, retried};
use model::expr::Expr;
use model::plan::{FanOut, NodeKind, Over, Plan, Retry, RetryOn};
use model::value::Value;
use proptest::collection::vec;
use proptest::prelude::*;

/// A job as it is drawn.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// It needs those of the earlier jobs whose bit is set.
    needs: u8,
    /// What its attempts do, in order; then it succeeds.
    pub acts: Vec<Act>,
    n_retries: u32,
    /// How many elements it has; 0: it is not fanned out.
    n_elements: u8,
    max_parallel: Option<u32>,
    has_lock: bool,
    priority: i64,
}

pub fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let act = prop_oneof![3 => Just(Act::Succeed), 1 => Just(Act::Fail(1)), 1 => Just(Act::Hang)];
    let fan_out = (
        prop_oneof![2 => Just(0), 1 => 1..4_u8],
        proptest::option::of(1..3_u32),
    );
    let job = (
        any::<u8>(),
        vec(act, 1..3),
        0..3_u32,
        fan_out,
        any::<bool>(),
        -1..2_i64,
    );
    let job = job.prop_map(
        |(needs, acts, n_retries, (n_elements, max_parallel), has_lock, priority)| Drawn {
            needs,
            acts,
            n_retries,
            n_elements,
            max_parallel,
            has_lock,
            priority,
        },
    );
    vec(job, 1..8)
}

/// The plan of some drawn jobs: `job-0`, `job-1`, …
pub fn built(drawn: &[Drawn]) -> Plan {
    let nodes = drawn.iter().enumerate().map(|(id, drawn)| {
        let needs: Vec<u32> = (0..id as u32)
            .filter(|on| drawn.needs >> (on % 8) & 1 == 1)
            .collect();
        let retry = Retry {
            times: drawn.n_retries,
            on: vec![RetryOn::Failed],
            delay_ms: 10,
        };
        let mut node = retried(job(&format!("job-{id}"), &needs), retry);
        if let NodeKind::Job(job) = &mut node.kind {
            job.priority = drawn.priority;
            job.lock = drawn.has_lock.then(|| Expr::Const(Value::text("the lock")));
        }
        let elements = (0..drawn.n_elements).map(|n| vec![Value::Int(n.into())]);
        node.fan_out = (drawn.n_elements > 0).then(|| FanOut {
            vars: vec!["n".to_owned()],
            over: Over::Known(elements.collect()),
            max_parallel: drawn.max_parallel,
            batch: None,
            max_failures: None,
            fail_fast: false,
        });
        node
    });
    plan(nodes.collect())
}

/// What an attempt of a job does.
pub fn act(drawn: &[Drawn], name: &str, attempt: u32) -> Act {
    let id = name.trim_start_matches("job-").split('[').next();
    let drawn = id.and_then(|id| drawn.get(id.parse::<usize>().ok()?));
    let act = drawn.and_then(|drawn| drawn.acts.get(attempt as usize - 1));
    act.copied().unwrap_or(Act::Succeed)
}
