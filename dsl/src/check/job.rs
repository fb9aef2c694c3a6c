//! Jobs, stages, approvals and merges: from what is written to nodes of the plan.

use super::checker::{Checker, Context, Mention, Typed};
use super::declare::{Declared, Kind};
use super::env::Env;
use super::settings::Settings;
use super::shape::Body;
use super::step::{delay, is_step, times};
use crate::ast::Statement;
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::link::{Link, Seen};
use crate::schema::{Level, LevelKind, RETRY_WORDS};
use crate::source::Span;
use model::plan::{Approve, EdgeKind, Job, Node, NodeKind, Phase, Retry, RetryOn, Stage};
use model::spec::OutputSpec;
use model::{Expr, NodeId, Value};
use std::collections::BTreeMap;

/// What is said once for several jobs.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Parameters, and the pipeline's `env`.
    pub(super) params: Env,
    pub(super) env: Env,
    pub(super) env_mentions: Vec<Mention>,
    pub(super) defaults: Vec<Defaults>,
}

/// A `defaults` block.
#[derive(Debug)]
pub(super) struct Defaults {
    pub(super) span: Span,
    pub(super) settings: Settings,
    pub(super) env: Env,
    pub(super) mentions: Vec<Mention>,
    pub(super) runs_on_text: String,
}

/// The nodes of the plan, with where each edge was said.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Vec<Link>>,
    pub(super) n_links: usize,
    /// How many variables all environments have.
    n_variables: usize,
    /// What the jobs of a stage see.
    stages: BTreeMap<NodeId, Context>,
}

impl<'a> Checker<'a> {
    pub(super) fn build(&mut self, shared: &Shared) -> Built {
        let mut built = Built::default();
        for (index, declared) in self.scope.nodes.iter().enumerate() {
            let id = NodeId(index as u32);
            let mut cx = match declared.parent.and_then(|stage| built.stages.get(&stage)) {
                Some(stage) => stage.clone(),
                None => self.outside(),
            };
            cx.node = Some(id);
            cx.ending = declared.phase == Phase::Always && declared.parent.is_none();
            let (node, links, inner) = self.within(cx, |checker| {
                let (node, links) = checker.node_of_plan(id, declared, shared);
                (node, links, checker.cx.clone())
            });
            if declared.kind == Kind::Stage {
                built.stages.insert(id, inner);
            }
            let n_variables = node.as_job().map_or(0, |job| job.env.len());
            built.n_variables = built.n_variables.saturating_add(n_variables);
            built.n_links = built.n_links.saturating_add(links.len());
            built.nodes.push(node);
            // What is beyond a bound is said once, and not kept.
            let is_small = built.n_links <= crate::plan::MAX_EDGES;
            built.links.push(if is_small { links } else { Vec::new() });
            let is_light = built.n_variables <= crate::plan::MAX_VARIABLES;
            if !is_light && !self.sink.has(Code::TooManyVariables) {
                self.too_many_variables(declared);
            }
            self.shared_is_dropped |= !is_small || !is_light;
        }
        built
    }

    fn too_many_variables(&mut self, declared: &Declared<'_>) {
        self.sink.push(
            Diagnostic::error(
                Code::TooManyVariables,
                format!(
                    "the environments of a plan may have {} variables",
                    crate::plan::MAX_VARIABLES
                ),
                declared.span,
                "more than that, counted up to here",
            )
            .help("put large data into files, or variables into the jobs that need them"),
        );
    }

    fn node_of_plan(
        &mut self,
        id: NodeId,
        declared: &'a Declared<'a>,
        shared: &Shared,
    ) -> (Node, Vec<Link>) {
        self.mentions.clear();
        let place = self.place(declared.node.span);
        let when = self.when(&declared.body);
        if let Some(word) = Level::of(LevelKind::Pipeline).word(&declared.node.word.text) {
            self.announce(word, declared.node);
        }
        let over = self.over(declared);
        let mut settings = self.settings(&declared.body);
        let fan_out = match declared.kind {
            Kind::Stage | Kind::Job => self.fan_out(declared, over, &settings),
            Kind::Approve | Kind::Merge => None,
        };
        let kind = match declared.kind {
            Kind::Stage => NodeKind::Stage(self.stage(declared, &settings)),
            Kind::Job => NodeKind::Job(Box::new(self.job(declared, &settings, shared))),
            Kind::Approve => NodeKind::Approve(approve(&settings)),
            Kind::Merge => {
                self.merge(declared);
                NodeKind::Stage(Stage::default())
            }
        };
        let links = self.links(id, &mut settings);
        let node = Node {
            name: declared.name.to_owned(),
            place,
            parent: declared.parent,
            phase: declared.phase,
            fan_out,
            when,
            edges: Vec::new(),
            kind,
        };
        (node, links)
    }

    /// What the node waits for by `needs`, `after` and the outputs that it mentions.
    fn links(&mut self, id: NodeId, settings: &mut Settings) -> Vec<Link> {
        let mut links = settings.links("needs");
        links.append(&mut settings.links("after"));
        let mut mentioned = Seen::default();
        for mention in std::mem::take(&mut self.mentions) {
            if !mentioned.insert(mention.job, mention.element.as_deref()) {
                continue;
            }
            let target = self.declared(mention.job);
            if self.ends_after(mention.job, id) {
                self.sink.push(
                    Diagnostic::error(
                        Code::WrongPhase,
                        format!("`{}` runs at the end, and can't be waited for", target.name),
                        mention.span,
                        "not before the end",
                    )
                    .label(target.span, "defined here, for the end")
                    .help("what runs in any case comes last: move one of the two"),
                );
            } else {
                links.push(Link::new(
                    mention.job,
                    EdgeKind::Output,
                    mention.element,
                    mention.span,
                ));
            }
        }
        links
    }

    fn stage(&mut self, declared: &'a Declared<'a>, settings: &Settings) -> Stage {
        for (word, node) in &declared.body.words {
            if word.word == "use"
                && let Some(call) = node.arguments.first()
            {
                self.use_of(call, node, true);
            }
        }
        Stage {
            fail_fast: settings.bool("fail_fast").unwrap_or(false),
            lock: settings.expr("lock"),
            environment: settings.expr("environment"),
        }
    }

    fn merge(&mut self, declared: &'a Declared<'a>) {
        if declared.body.setting("needs").is_none() {
            self.sink.push(
                Diagnostic::error(
                    Code::MissingSetting,
                    "a `merge` must say what it `needs`",
                    declared.node.header,
                    "what must have succeeded before?",
                )
                .help("write `needs = […]` into its block, with the jobs that must have succeeded"),
            );
        }
    }

    fn job(&mut self, declared: &'a Declared<'a>, settings: &Settings, shared: &Shared) -> Job {
        let body = &declared.body;
        let start = declared.node.span.start;
        let above: Vec<&Defaults> = shared
            .defaults
            .iter()
            .filter(|defaults| defaults.span.start < start)
            .collect();
        let nearest = |name: &str| {
            let set = |defaults: &&&Defaults| defaults.settings.span(name).is_some();
            above.iter().rev().find(set).copied()
        };
        let of = |name: &str| {
            settings
                .expr(name)
                .or_else(|| nearest(name)?.settings.expr(name))
        };
        let runs_on_text = match settings.span("runs_on") {
            Some(span) => self.source.slice(span).to_owned(),
            None => nearest("runs_on")
                .map(|defaults| defaults.runs_on_text.clone())
                .unwrap_or_default(),
        };
        let retry = match settings.record("retry") {
            Some(fields) => retry(fields),
            None => nearest("retry")
                .and_then(|defaults| defaults.settings.record("retry"))
                .map(retry)
                .unwrap_or_default(),
        };
        let env = self.job_env(declared, shared, &above);
        let mut job = Job {
            runs_on: of("runs_on"),
            runs_on_text,
            checkout: settings.bool("checkout").unwrap_or(true),
            inputs: settings.exprs("inputs"),
            produces: settings.exprs("produces").unwrap_or_default(),
            dir: settings.expr("dir"),
            timeout: of("timeout"),
            retry,
            lock: settings.expr("lock"),
            environment: settings.expr("environment"),
            allow_failure: settings.bool("allow_failure").unwrap_or(false),
            priority: settings.int("priority").unwrap_or(0),
            outputs: declared.outputs.iter().map(output_spec).collect(),
            steps: self.steps(body, &env),
            ..Job::default()
        };
        self.parts(body, &env, &mut job);
        job.env = env.variables;
        if does_nothing(declared) {
            self.sink.push(
                Diagnostic::warning(
                    Code::EmptyJob,
                    format!("the job `{}` does nothing", declared.name),
                    declared.span,
                    "no step",
                )
                .help("give it a step: `sh \"…\"`"),
            );
        }
        job
    }

    fn job_env(&mut self, declared: &'a Declared<'a>, shared: &Shared, above: &[&Defaults]) -> Env {
        if self.shared_is_dropped {
            return Env::default();
        }
        let mut env = shared.params.clone();
        env.extend(self.env_of_variables(declared.node));
        env.extend(shared.env.clone());
        self.mentions.extend(shared.env_mentions.iter().cloned());
        for defaults in above {
            env.extend(defaults.env.clone());
            self.mentions.extend(defaults.mentions.iter().cloned());
        }
        for node in declared.body.named("env") {
            env.extend(self.env(node));
        }
        env
    }

    /// The parts of a job that are no steps.
    fn parts(&mut self, body: &Body<'a>, env: &Env, job: &mut Job) {
        for (word, node) in &body.words {
            let hook = match word.word {
                "on_failure" => &mut job.on_failure,
                "on_success" => &mut job.on_success,
                "always" => &mut job.always,
                "verify" => {
                    self.announce(word, node);
                    let inner = Body::of_block(word, node, &mut self.sink);
                    self.steps(&inner, env);
                    continue;
                }
                "service" | "cache" => {
                    self.announce(word, node);
                    let inner = Body::of_block(word, node, &mut self.sink);
                    self.settings(&inner);
                    for node in inner.named("env") {
                        self.env(node);
                    }
                    self.needs_settings(word.word, node, &inner);
                    continue;
                }
                _ => continue,
            };
            let inner = Body::of_block(word, node, &mut self.sink);
            hook.extend(self.steps(&inner, env));
        }
    }

    /// A cache without a key, or a service without an image, means nothing.
    fn needs_settings(&mut self, word: &str, node: &'a crate::ast::Node, body: &Body<'a>) {
        let needed: &[&str] = match word {
            "cache" => &["key", "paths"],
            _ => &["image"],
        };
        for name in needed.iter().filter(|name| body.setting(name).is_none()) {
            self.sink.push(
                Diagnostic::error(
                    Code::MissingSetting,
                    format!("a `{word}` needs `{name}`"),
                    node.header,
                    format!("`{name}` is missing"),
                )
                .help(format!("add `{name} = …` to its block")),
            );
        }
    }
}

/// Whether nothing in its block is, or may have been meant as, a step.
fn does_nothing(declared: &Declared<'_>) -> bool {
    let job = Level::of(LevelKind::Job);
    let statements = declared
        .node
        .block
        .iter()
        .flat_map(|block| &block.statements);
    !statements.into_iter().any(|statement| match statement {
        Statement::Setting(_) => false,
        Statement::Broken(_) => true,
        Statement::Node(node) => {
            let word = job.word(&node.word.text);
            word.is_none_or(is_step)
        }
    })
}

fn output_spec(output: &super::declare::Output<'_>) -> OutputSpec {
    // Whether it may be missing is known when all its uses are.
    OutputSpec {
        name: output.name.to_owned(),
        ty: output.ty.clone(),
        optional: false,
    }
}

fn approve(settings: &Settings) -> Approve {
    let by = match settings.value("by") {
        Some(Value::List(people)) => people.iter().map(Value::to_text).collect(),
        _ => Vec::new(),
    };
    Approve {
        by,
        at_least: settings
            .int("at_least")
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
        not_author: settings.bool("not_author").unwrap_or(false),
        expires_ms: settings.duration("expires"),
    }
}

fn retry(fields: &BTreeMap<&'static str, Typed>) -> Retry {
    let on = match fields.get("on").map(|typed| &typed.expr) {
        Some(Expr::Const(Value::List(words))) => {
            let of = |word: &Value| {
                let at = RETRY_WORDS
                    .iter()
                    .position(|known| *known == word.to_text())?;
                Some(RetryOn::ALL[at].1)
            };
            words.iter().filter_map(of).collect()
        }
        // Who names no ends means all of them.
        _ => RetryOn::ALL.iter().map(|(_, end)| *end).collect(),
    };
    Retry {
        times: times(fields.get("times")),
        on,
        delay_ms: delay(fields.get("delay")),
    }
}
