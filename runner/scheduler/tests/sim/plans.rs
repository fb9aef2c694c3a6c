//! Random plans: of everything a little, and small, so that many can be tried.

use super::rng::Chance;
use crate::support::plan::{Added, Builder};
use model::expr::{Expr, Operator};
use model::ids::NodeId;
use model::plan::{Batch, NodeKind, Phase, Plan, RetryOn, WhenBusy};
use model::types::Type;
use model::value::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The people of the simulated world.
pub const PEOPLE: [&str; 4] = ["ann", "bob", "eve", "joe"];

/// The labels that workers may have.
pub const LABELS: [&str; 2] = ["linux", "docker"];

/// The elements of static fan-outs; lists that are found are made of these too.
pub const ELEMENTS: [&str; 4] = ["a", "b", "c", "d"];

struct Maker<'a> {
    builder: Builder,
    chance: &'a mut Chance,
    /// The nodes that can be waited for, with the stages around them.
    known: Vec<(String, Vec<String>)>,
    /// The stages that hold something. What is in them waits for nothing outside, or two of them may
    /// wait for each other, which no scheduler could end.
    guarded: BTreeSet<String>,
    n: usize,
}

/// A random plan.
pub fn random_plan(chance: &mut Chance) -> Arc<Plan> {
    let mut maker = Maker {
        builder: Builder::new(),
        chance,
        known: Vec::new(),
        guarded: BTreeSet::new(),
        n: 0,
    };
    let n_nodes = maker.chance.within(1, 6);
    for _ in 0..n_nodes {
        maker.node(&[], Phase::Main);
    }
    if maker.chance.percent(40) {
        maker.job(&[], Phase::Always);
    }
    maker.pipeline();
    maker.builder.build()
}

impl Maker<'_> {
    fn pipeline(&mut self) {
        let fail_fast = self.chance.percent(15);
        let timeout_ms = (self.chance.percent(10)).then(|| self.chance.within(1_000, 60_000));
        let priority = self.chance.within(0, 2) as i64;
        let trusted = !self.chance.percent(10);
        self.builder.pipeline(|plan| {
            plan.fail_fast = fail_fast;
            plan.timeout_ms = timeout_ms;
            plan.priority = priority;
            plan.event.trusted = trusted;
            let author = Value::text(PEOPLE[0]);
            plan.event.fields.insert("author".to_owned(), author);
        });
        if self.chance.percent(25) {
            let group = *self.chance.pick(&["deploy", "nightly"]);
            let when_busy = *self.chance.pick(&[WhenBusy::Queue, WhenBusy::CancelOlder]);
            self.builder.concurrency(group, when_busy);
        }
    }

    fn name(&mut self) -> String {
        self.n += 1;
        format!("n{}", self.n)
    }

    fn node(&mut self, around: &[String], phase: Phase) {
        match self.chance.below(10) {
            0 | 1 if around.len() < 2 => self.stage(around),
            2 => self.approve(around),
            _ => self.job(around, phase),
        }
    }

    fn stage(&mut self, around: &[String]) {
        let name = self.name();
        let edges = self.edges(around);
        let fan_out = self.chance.percent(40);
        let visible = self.visible(around);
        let chance = &mut *self.chance;
        let mut added = place(self.builder.stage(&name), around, Phase::Main);
        added = with_edges(added, &edges);
        if fan_out {
            added = with_fan_out(added, chance, &visible);
        }
        let (locks, enters) = (chance.percent(20), chance.percent(15));
        if locks || enters {
            self.guarded.insert(name.clone());
        }
        if locks {
            // Outer ones have other names than inner ones, and those than jobs: nobody waits for what
            // somebody holds who waits for him.
            let depth = around.len();
            added = added.lock(&format!("stage{depth}-{}", chance.below(2)));
        }
        if enters {
            let key = format!("stage{}-{}", around.len(), chance.below(2));
            added = added.environment(Expr::text(key));
        }
        let fail_fast = chance.percent(20);
        added = added.with_stage(|stage| stage.fail_fast = fail_fast);
        let _ = with_when(added, chance);
        let mut inner = around.to_vec();
        inner.push(name.clone());
        let n = self.chance.within(0, 3);
        for _ in 0..n {
            self.node(&inner, Phase::Main);
        }
        if self.chance.percent(30) {
            self.job(&inner, Phase::OnFailure);
        }
        if self.chance.percent(50) {
            self.job(&inner, Phase::Always);
        }
        self.known.push((name, around.to_vec()));
    }

    fn approve(&mut self, around: &[String]) {
        let name = self.name();
        let edges = self.edges(around);
        let at_least = self.chance.within(1, 2) as u32;
        let expires_ms = self
            .chance
            .percent(30)
            .then(|| self.chance.within(1_000, 100_000));
        let not_author = self.chance.percent(30);
        let by: &[&str] = match self.chance.below(3) {
            0 => &[],
            1 => &["team.leads"],
            _ => &["ann", "bob", "eve"],
        };
        let added = place(
            self.builder.approve(&name, by, at_least),
            around,
            Phase::Main,
        );
        with_edges(added, &edges).with_approve(|rule| {
            rule.expires_ms = expires_ms;
            rule.not_author = not_author;
        });
        self.known.push((name, around.to_vec()));
    }

    fn job(&mut self, around: &[String], phase: Phase) {
        let name = self.name();
        let edges = match phase {
            Phase::Main => self.edges(around),
            Phase::OnFailure | Phase::Always => Vec::new(),
        };
        let visible = self.visible(around);
        let chance = &mut *self.chance;
        let enters = chance.percent(10);
        let mut added = place(self.builder.job(&name), around, phase);
        // Elements that share an environment hold it while one of them waits.
        let edges: Vec<_> = edges
            .into_iter()
            .map(|(on, kind)| (on, if enters { kind.max(3) } else { kind }))
            .collect();
        added = with_edges(added, &edges);
        added = added.output("list", Type::List(Box::new(Type::String)));
        if phase == Phase::Main && chance.percent(35) {
            added = with_fan_out(added, chance, &visible);
        }
        if chance.percent(30) {
            added = added.runs_on(chance.pick::<&str>(&LABELS));
        }
        if chance.percent(15) {
            added = added.lock(&format!("job-{}", chance.below(2)));
        }
        if enters {
            added = added.environment(Expr::text(format!("job-{}", chance.below(2))));
        }
        if chance.percent(40) {
            let on = match chance.below(3) {
                0 => vec![RetryOn::WorkerLost],
                1 => vec![RetryOn::Failed, RetryOn::TimedOut],
                _ => vec![RetryOn::Failed, RetryOn::WorkerLost],
            };
            let delay_ms = *chance.pick(&[0, 100, 10_000]);
            added = added.retry(chance.within(0, 2) as u32, &on, delay_ms);
        }
        if chance.percent(15) {
            added = added.allow_failure();
        }
        added = added.priority(chance.within(0, 2) as i64);
        if phase == Phase::Main {
            let _ = with_when(added, chance);
            self.known.push((name, around.to_vec()));
        }
    }

    /// What can be waited for from here.
    fn visible(&self, around: &[String]) -> Vec<String> {
        let guarded = around
            .iter()
            .rev()
            .find(|stage| self.guarded.contains(*stage));
        let inside = |of: &[String]| guarded.is_none_or(|stage| of.contains(stage));
        let known = self.known.iter().filter(|(_, of)| inside(of));
        known.map(|(name, _)| name.clone()).collect()
    }

    /// Edges to some of what can be waited for.
    fn edges(&mut self, around: &[String]) -> Vec<(String, u64)> {
        let mut edges = Vec::new();
        let visible = self.visible(around);
        for _ in 0..self.chance.below(3) {
            if visible.is_empty() {
                break;
            }
            let name = self.chance.pick(&visible).clone();
            let is_new = edges.iter().all(|(known, _)| *known != name);
            if is_new && !around.contains(&name) {
                edges.push((name, self.chance.below(5)));
            }
        }
        edges
    }
}

fn place<'a>(added: Added<'a>, around: &[String], phase: Phase) -> Added<'a> {
    let added = added.phase(phase);
    match around.last() {
        Some(stage) => added.of(stage),
        None => added,
    }
}

fn with_edges<'a>(mut added: Added<'a>, edges: &[(String, u64)]) -> Added<'a> {
    for (on, kind) in edges {
        added = match kind {
            0 => added.after(on),
            1 => added.order(on),
            2 if added.is_fanned_out(on) => added.needs_element(on, vec![Expr::text(ELEMENTS[0])]),
            _ => added.needs(on),
        };
    }
    added
}

fn with_fan_out<'a>(mut added: Added<'a>, chance: &mut Chance, visible: &[String]) -> Added<'a> {
    // Only a list that is one list from here: of a job that is not fanned out on the way.
    let sources: Vec<_> = visible
        .iter()
        .filter(|name| added.is_plain_job(name))
        .collect();
    if sources.is_empty() || chance.percent(50) {
        let n = chance.within(0, ELEMENTS.len() as u64) as usize;
        added = added.over("x", &ELEMENTS[..n]);
    } else {
        let source = *chance.pick(&sources);
        added = added.over_output("x", source, "list");
    }
    if chance.percent(30) {
        added = added.max_parallel(chance.within(1, 2) as u32);
    }
    if chance.percent(25) {
        let batch = match chance.percent(50) {
            true => Batch::Count(chance.within(1, 2) as u32),
            false => Batch::Share(chance.within(1, 6_000) as u32),
        };
        added = added.batch(batch);
    }
    if chance.percent(30) {
        added = added.max_failures(chance.below(2) as u32);
    }
    if chance.percent(20) {
        added = added.fan_out_fail_fast();
    }
    added
}

fn with_when<'a>(added: Added<'a>, chance: &mut Chance) -> Added<'a> {
    match chance.below(8) {
        0 => added.when("false", Expr::Const(Value::Bool(false))),
        1 if added.has_elements() => {
            let is_a = Expr::Binary(
                Operator::NotEqual,
                Box::new(Expr::Var("x".to_owned())),
                Box::new(Expr::text(ELEMENTS[0])),
            );
            added.when("x != \"a\"", is_a)
        }
        _ => added,
    }
}

/// Which of a plan's nodes are asked for in a run with `--job`.
pub fn random_selection(plan: &Plan, chance: &mut Chance) -> BTreeSet<NodeId> {
    let jobs = plan
        .iter()
        .filter(|(_, node)| matches!(node.kind, NodeKind::Job(_)));
    let jobs: Vec<_> = jobs.map(|(id, _)| id).collect();
    match jobs.is_empty() {
        true => [NodeId(0)].into(),
        false => [*chance.pick(&jobs)].into(),
    }
}
