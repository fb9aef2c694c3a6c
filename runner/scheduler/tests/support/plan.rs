//! Builds plans in a few words.

use model::expr::Expr;
use model::ids::NodeId;
use model::plan::{
    Approve, Batch, Concurrency, Edge, EdgeKind, Event, FanOut, Job, Node, NodeKind, Over,
    PLAN_VERSION, Phase, Plan, Retry, RetryOn, Stage, Step, StepAction, When, WhenBusy,
};
use model::spec::{OutputSpec, Place, Shell, StepRetry};
use model::types::Type;
use model::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A plan that is being built.
pub struct Builder {
    plan: Plan,
}

/// The node that was added last, for more settings.
pub struct Added<'a> {
    plan: &'a mut Plan,
    id: NodeId,
}

impl Builder {
    pub fn new() -> Self {
        Self {
            plan: Plan {
                version: PLAN_VERSION,
                language: 1,
                pipeline: "ci".to_owned(),
                title: None,
                path: ".gantry/ci.gantry".to_owned(),
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
                nodes: Vec::new(),
                secrets: Vec::new(),
                unsupported: Vec::new(),
            },
        }
    }

    /// Settings of the pipeline itself.
    pub fn pipeline(&mut self, change: impl FnOnce(&mut Plan)) -> &mut Self {
        change(&mut self.plan);
        self
    }

    pub fn concurrency(&mut self, group: &str, when_busy: WhenBusy) -> &mut Self {
        self.plan.concurrency = Some(Concurrency {
            group: group.to_owned(),
            when_busy,
        });
        self
    }

    /// A job with one step.
    pub fn job(&mut self, name: &str) -> Added<'_> {
        let step = Step {
            name: "true".to_owned(),
            place: Place::default(),
            action: StepAction::Script(Shell::Sh, "true".to_owned()),
            env: Vec::new(),
            when: None,
            dir: None,
            timeout: None,
            retry: StepRetry::default(),
            exit_codes: Vec::new(),
            allow_failure: false,
        };
        let job = Job {
            steps: vec![step],
            ..Job::default()
        };
        self.add(name, NodeKind::Job(Box::new(job)))
    }

    pub fn stage(&mut self, name: &str) -> Added<'_> {
        self.add(name, NodeKind::Stage(Stage::default()))
    }

    pub fn approve(&mut self, name: &str, by: &[&str], at_least: u32) -> Added<'_> {
        self.add(
            name,
            NodeKind::Approve(Approve {
                by: by.iter().map(|&by| by.to_owned()).collect(),
                at_least,
                not_author: false,
                expires_ms: None,
            }),
        )
    }

    fn add(&mut self, name: &str, kind: NodeKind) -> Added<'_> {
        let id = NodeId(self.plan.nodes.len() as u32);
        self.plan.nodes.push(Node {
            name: name.to_owned(),
            place: Place {
                line: id.0 + 1,
                column: 1,
            },
            parent: None,
            phase: Phase::Main,
            fan_out: None,
            when: None,
            edges: Vec::new(),
            kind,
        });
        Added {
            plan: &mut self.plan,
            id,
        }
    }

    pub fn build(&self) -> Arc<Plan> {
        Arc::new(self.plan.clone())
    }
}

/// The node of a name.
pub fn named(plan: &Plan, name: &str) -> NodeId {
    let index = plan.nodes.iter().position(|node| node.name == name);
    NodeId(index.unwrap_or_else(|| panic!("no node {name}")) as u32)
}

impl Added<'_> {
    pub fn id(&self) -> NodeId {
        self.id
    }

    pub fn node(self, change: impl FnOnce(&mut Node)) -> Self {
        change(&mut self.plan.nodes[self.id.index()]);
        self
    }

    pub fn with_job(self, change: impl FnOnce(&mut Job)) -> Self {
        self.node(|node| match &mut node.kind {
            NodeKind::Job(job) => change(job),
            _ => panic!("no job"),
        })
    }

    pub fn with_stage(self, change: impl FnOnce(&mut Stage)) -> Self {
        self.node(|node| match &mut node.kind {
            NodeKind::Stage(stage) => change(stage),
            _ => panic!("no stage"),
        })
    }

    pub fn with_approve(self, change: impl FnOnce(&mut Approve)) -> Self {
        self.node(|node| match &mut node.kind {
            NodeKind::Approve(approve) => change(approve),
            _ => panic!("no approval"),
        })
    }

    pub fn with_fan_out(self, change: impl FnOnce(&mut FanOut)) -> Self {
        self.node(|node| change(node.fan_out.as_mut().expect("a fan-out")))
    }

    /// Inside a stage.
    pub fn of(self, stage: &str) -> Self {
        let stage = named(self.plan, stage);
        self.node(|node| node.parent = Some(stage))
    }

    pub fn phase(self, phase: Phase) -> Self {
        self.node(|node| node.phase = phase)
    }

    fn edge(self, on: &str, kind: EdgeKind, element: Option<Vec<Expr>>) -> Self {
        let on = named(self.plan, on);
        self.node(|node| node.edges.push(Edge { on, kind, element }))
    }

    pub fn needs(self, on: &str) -> Self {
        self.edge(on, EdgeKind::Needs, None)
    }

    pub fn needs_element(self, on: &str, element: Vec<Expr>) -> Self {
        self.edge(on, EdgeKind::Needs, Some(element))
    }

    pub fn after(self, on: &str) -> Self {
        self.edge(on, EdgeKind::After, None)
    }

    pub fn order(self, on: &str) -> Self {
        self.edge(on, EdgeKind::Order, None)
    }

    /// Mentions an output of another job in its `env`.
    pub fn uses(self, on: &str, output: &str) -> Self {
        let job = named(self.plan, on);
        let name = output.to_owned();
        self.edge(on, EdgeKind::Output, None).with_job(|this| {
            this.env
                .push((name.to_uppercase(), Expr::Output { job, name }))
        })
    }

    /// For each of these.
    pub fn over(self, var: &str, elements: &[&str]) -> Self {
        let elements = elements.iter().map(|text| vec![Value::text(*text)]);
        let over = Over::Known(elements.collect());
        self.fan_out(var, over)
    }

    /// For each element of an output.
    pub fn over_output(self, var: &str, job: &str, output: &str) -> Self {
        let id = named(self.plan, job);
        let list = Expr::Output {
            job: id,
            name: output.to_owned(),
        };
        let over = Over::Found {
            sources: vec![(var.to_owned(), list)],
            filter: None,
        };
        self.edge(job, EdgeKind::Output, None).fan_out(var, over)
    }

    fn fan_out(self, var: &str, over: Over) -> Self {
        self.node(|node| {
            node.fan_out = Some(FanOut {
                vars: vec![var.to_owned()],
                over,
                max_parallel: None,
                batch: None,
                max_failures: None,
                fail_fast: false,
            });
        })
    }

    pub fn max_parallel(self, n: u32) -> Self {
        self.with_fan_out(|fan_out| fan_out.max_parallel = Some(n))
    }

    pub fn batch(self, batch: Batch) -> Self {
        self.with_fan_out(|fan_out| fan_out.batch = Some(batch))
    }

    pub fn max_failures(self, n: u32) -> Self {
        self.with_fan_out(|fan_out| fan_out.max_failures = Some(n))
    }

    pub fn fan_out_fail_fast(self) -> Self {
        self.with_fan_out(|fan_out| fan_out.fail_fast = true)
    }

    pub fn when(self, text: &str, expr: Expr) -> Self {
        let text = text.to_owned();
        self.node(|node| node.when = Some(When { expr, text }))
    }

    pub fn output(self, name: &str, ty: Type) -> Self {
        let name = name.to_owned();
        self.with_job(|job| {
            job.outputs.push(OutputSpec {
                name,
                ty,
                optional: false,
            });
        })
    }

    pub fn produces(self, path: &str) -> Self {
        let path = Expr::text(path);
        self.with_job(|job| job.produces.push(path))
    }

    pub fn lock(self, name: &str) -> Self {
        let lock = Some(Expr::text(name));
        self.node(|node| match &mut node.kind {
            NodeKind::Job(job) => job.lock = lock,
            NodeKind::Stage(stage) => stage.lock = lock,
            NodeKind::Approve(_) => panic!("an approval has no lock"),
        })
    }

    pub fn environment(self, key: Expr) -> Self {
        self.node(|node| match &mut node.kind {
            NodeKind::Job(job) => job.environment = Some(key),
            NodeKind::Stage(stage) => stage.environment = Some(key),
            NodeKind::Approve(_) => panic!("an approval has no environment"),
        })
    }

    pub fn retry(self, times: u32, on: &[RetryOn], delay_ms: u64) -> Self {
        let on = on.to_vec();
        self.with_job(|job| {
            job.retry = Retry {
                times,
                on,
                delay_ms,
            };
        })
    }

    pub fn allow_failure(self) -> Self {
        self.with_job(|job| job.allow_failure = true)
    }

    pub fn priority(self, priority: i64) -> Self {
        self.with_job(|job| job.priority = priority)
    }

    /// Runs on workers with this label only.
    pub fn runs_on(self, label: &str) -> Self {
        let label = label.to_owned();
        self.with_job(|job| {
            job.runs_on_text = format!("{label:?}");
            job.runs_on = Some(Expr::HasLabel(Box::new(Expr::text(label))));
        })
    }
}

impl Added<'_> {
    /// Whether this node has a fan-out itself.
    pub fn has_elements(&self) -> bool {
        self.plan.nodes[self.id.index()].fan_out.is_some()
    }

    /// Whether another node has a fan-out.
    pub fn is_fanned_out(&self, name: &str) -> bool {
        let node = self.plan.node(named(self.plan, name));
        node.fan_out.is_some()
    }

    /// Whether another node is a job of which there is one, seen from this one.
    pub fn is_plain_job(&self, name: &str) -> bool {
        let id = named(self.plan, name);
        let around: Vec<_> = self.plan.ancestors(self.id).collect();
        let own = std::iter::once(id).chain(self.plan.ancestors(id));
        let mut apart = own.filter(|node| !around.contains(node));
        self.plan.node(id).as_job().is_some()
            && apart.all(|node| self.plan.node(node).fan_out.is_none())
    }
}
