//! A whole pipeline: its parameters, triggers and blocks, then its nodes, then the graph.

use super::checker::{Checker, Mention};
use super::declare::{Kind, Param};
use super::env::Env;
use super::job::{Built, Defaults, Shared};
use super::shape::Body;
use crate::ast::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::{closest, with_article};
use crate::plan::link::Seen;
use crate::plan::{cycle, order};
use crate::schema::{EventKind, KindSet, Level, LevelKind, Word};
use model::plan::{Concurrency, NodeKind, Over, Plan, WhenBusy};
use model::types::ReadError;
use model::{Expr, NodeId, Type, Value};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Checker<'a> {
    /// Checks the pipeline, and makes its plan as far as things are known.
    pub(crate) fn pipeline(&mut self) -> Plan {
        self.event_of_request();
        self.read_params();
        self.find_taint();
        self.all_lets();
        let scope = self.scope;
        let settings = self.settings(&scope.body);
        self.triggers();
        let shared = self.shared();
        let mut built = self.build(&shared);
        self.others(&scope.body);
        let is_complete = order::add(self.scope, &mut built.links, crate::plan::MAX_EDGES);
        if !is_complete || built.n_links > crate::plan::MAX_EDGES {
            self.too_many_edges();
        }
        self.finish(&mut built);
        self.unsupported.sort_by_key(|entry| entry.place);
        let known = self.known;
        let request = known.map(|known| known.request);
        Plan {
            version: model::plan::PLAN_VERSION,
            language: super::declare::LANGUAGE,
            pipeline: scope.name.to_owned(),
            title: settings.value("title").map(Value::to_text),
            path: self.source.path().to_string_lossy().replace('\\', "/"),
            event: request.map_or_else(no_event, |request| request.event.clone()),
            params: self
                .scope
                .params
                .iter()
                .zip(&self.params)
                .filter_map(|(param, value)| Some((param.name.to_owned(), value.clone()?)))
                .collect(),
            timeout_ms: settings.duration("timeout"),
            priority: settings.int("priority").unwrap_or(0),
            fail_fast: settings.bool("fail_fast").unwrap_or(false),
            concurrency: settings.record("concurrency").and_then(concurrency),
            nodes: built.nodes,
            secrets: std::mem::take(&mut self.secrets).into_iter().collect(),
            unsupported: std::mem::take(&mut self.unsupported),
        }
    }

    fn event_of_request(&mut self) {
        let Some(known) = self.known else { return };
        let event = &known.request.event;
        let kinds = self.scope.kinds.or(KindSet::named("manual"));
        if !KindSet::named(&event.kind).and(kinds).is_empty() {
            return;
        }
        let diagnostic = Diagnostic::error(
            Code::NoSuchTrigger,
            format!(
                "the pipeline `{}` is not started by `{}`",
                self.scope.name, event.kind
            ),
            self.scope.span,
            "no such trigger",
        );
        let names = kinds.iter().map(|kind| kind.name);
        self.sink.push(match EventKind::index(&event.kind) {
            Some(_) => diagnostic.help(format!("it is started by {}", crate::names::all_of(names))),
            None => match closest(&event.kind, names.clone()) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                None => {
                    diagnostic.help(format!("it is started by {}", crate::names::all_of(names)))
                }
            },
        });
    }

    fn read_params(&mut self) {
        let scope = self.scope;
        for (index, param) in scope.params.iter().enumerate() {
            let settings = self.settings(&param.body);
            let default = param.node.value.as_ref().map(|value| {
                let what = format!("`{}`", param.name);
                let typed = self.expect(value, &param.ty, &what);
                (self.in_plan(typed, value.span, &what), value.span)
            });
            let given = self
                .known
                .and_then(|known| known.request.params.get(param.name));
            let value = match (given, &default) {
                (Some(text), _) => match param.ty.read(text) {
                    Ok(value) => Some(value),
                    Err(error) => {
                        self.unreadable_param(param, text, &error);
                        None
                    }
                },
                (None, Some((typed, _))) => typed
                    .expr
                    .as_const()
                    .cloned()
                    .filter(|_| self.is_planning()),
                (None, None) if self.is_planning() => {
                    self.sink.push(
                        Diagnostic::error(
                            Code::MissingParam,
                            format!("the parameter `{}` has no value", param.name),
                            param.span,
                            "no default",
                        )
                        .help(format!("give one: `--param {}=…`", param.name)),
                    );
                    None
                }
                (None, None) => None,
            };
            if let (Some(value), Some(Value::String(pattern))) = (&value, settings.value("matches"))
            {
                let text = Expr::Checked(Box::new(Expr::text(value.to_text())), pattern.clone());
                if text.eval(&model::expr::NoScope).is_err() {
                    self.sink.push(
                        Diagnostic::error(
                            Code::ParamValue,
                            format!(
                                "the value {value} of the parameter `{}` does not match",
                                param.name
                            ),
                            param.span,
                            format!("must match `{pattern}` from end to end"),
                        )
                        .help("give another value"),
                    );
                }
            }
            self.params[index] = value;
        }
        let Some(known) = self.known else { return };
        for name in known.request.params.keys() {
            if !scope.params.iter().any(|param| param.name == name) {
                self.sink.unknown(
                    Code::UnknownParam,
                    format!("the pipeline `{}` has no parameter `{name}`", scope.name),
                    name,
                    scope.span,
                    scope.params.iter().map(|param| param.name),
                );
            }
        }
    }

    fn unreadable_param(&mut self, param: &Param<'_>, text: &str, error: &ReadError) {
        let short: String = text.chars().take(40).collect();
        let wanted = with_article(&param.ty.to_string());
        let diagnostic = Diagnostic::error(
            Code::ParamValue,
            format!(
                "the value {short:?} of the parameter `{}` is not {wanted}",
                param.name
            ),
            param.span,
            format!("takes {wanted}"),
        );
        self.sink.push(match &param.ty {
            Type::List(_) => diagnostic.help(format!(
                "lists are given as JSON: `--param {}='[\"a\", \"b\"]'`",
                param.name
            )),
            Type::Map(_) | Type::Record(_) => diagnostic.help(format!(
                "maps are given as JSON ({error}): `--param {}='{{\"a\": \"b\"}}'`",
                param.name
            )),
            Type::Enum(words) => diagnostic.help(format!(
                "it is {}",
                crate::names::one_of(words.iter().map(String::as_str))
            )),
            Type::Duration => diagnostic.help("for example `10s` or `10m`"),
            Type::Bool => diagnostic.help("it is `true` or `false`"),
            _ => diagnostic.help("write it as in a pipeline"),
        });
    }

    /// Those that nothing mentions are checked as well.
    fn all_lets(&mut self) {
        let mut lets: Vec<_> = self.scope.lets.iter().collect();
        // In the order of the text, in which one mostly needs those before it.
        lets.sort_by_key(|(_, node)| node.span);
        for (name, node) in lets {
            let span = node.arguments.first().map_or(node.header, |name| name.span);
            let name = crate::ast::Expr {
                kind: crate::ast::ExprKind::Name((*name).into()),
                span,
            };
            self.expr(&name, None);
            self.mentions.clear();
        }
    }

    fn triggers(&mut self) {
        let scope = self.scope;
        for node in scope.body.named("on") {
            let Some(word) = Level::of(LevelKind::Pipeline).word("on") else {
                return;
            };
            let name = node
                .arguments
                .first()
                .and_then(|kind| kind.as_name())
                .unwrap_or_default();
            let Some(kind) = EventKind::index(name).map(|index| &crate::schema::EVENTS[index])
            else {
                continue;
            };
            if let Some(text) = node.arguments.get(1) {
                let typed = self.expr(
                    text,
                    Some(&Type::Enum(vec![
                        text.as_name().unwrap_or_default().to_owned(),
                    ])),
                );
                self.in_plan(typed, text.span, "what follows `on`");
            }
            let mut cx = self.cx.clone();
            let started_by_this = self
                .known
                .is_none_or(|known| known.request.event.kind == kind.name);
            cx.dead = !started_by_this;
            let body = Body::of_block(word, node, &mut self.sink);
            for (setting, written) in &body.settings {
                if setting.name != "concurrency" && !kind.filters.contains(&setting.name) {
                    let filters = kind.filters.iter().copied();
                    let diagnostic = Diagnostic::error(
                        Code::UnknownSetting,
                        format!("`{}` does not filter `{}` events", setting.name, kind.name),
                        written.key.span(),
                        "not for this event",
                    );
                    self.sink.push(match kind.filters {
                        [] => diagnostic.help(format!("`on {}` has no filters", kind.name)),
                        _ => diagnostic
                            .help(format!("its filters are {}", crate::names::all_of(filters))),
                    });
                }
            }
            self.within(cx, |checker| checker.settings(&body));
        }
    }

    /// What is evaluated once for all jobs.
    fn shared(&mut self) -> Shared {
        let scope = self.scope;
        let mut shared = Shared {
            params: self.env_of_params(),
            ..Shared::default()
        };
        for node in scope.body.named("env") {
            let env = self.env(node);
            shared.env.extend(env);
        }
        let mut seen = Seen::default();
        let mentions = std::mem::take(&mut self.mentions);
        let is_new = move |mention: &Mention| seen.insert(mention.job, mention.element.as_deref());
        shared.env_mentions = mentions.into_iter().filter(is_new).collect();
        for node in scope.body.named("defaults") {
            let Some(word) = Level::of(LevelKind::Pipeline).word("defaults") else {
                break;
            };
            let body = Body::of_block(word, node, &mut self.sink);
            let settings = self.settings(&body);
            let mut env = Env::default();
            for node in body.named("env") {
                env.extend(self.env(node));
            }
            let mentions = std::mem::take(&mut self.mentions);
            let runs_on_text = settings
                .span("runs_on")
                .map(|span| self.source.slice(span).to_owned());
            shared.defaults.push(Defaults {
                span: node.span,
                settings,
                env,
                mentions,
                runs_on_text: runs_on_text.unwrap_or_default(),
            });
        }
        shared
    }

    /// Notifications, and templates that are used.
    fn others(&mut self, body: &Body<'a>) {
        for (word, node) in &body.words {
            if word.word == "use"
                && let Some(call) = node.arguments.first()
            {
                self.use_of(call, node, true);
            }
        }
        let scope = self.scope;
        for (node, _) in &scope.notifications {
            let Some(word) = Level::of(LevelKind::Finally).word("notify") else {
                return;
            };
            let mut cx = self.outside();
            cx.ending = true;
            self.within(cx, |checker| checker.notification(word, node));
            self.mentions.clear();
        }
    }

    fn notification(&mut self, word: &'static Word, node: &'a Node) {
        let body = Body::of_block(word, node, &mut self.sink);
        self.when(&body);
        self.announce(word, node);
        self.settings(&body);
        for name in ["to", "message"] {
            if body.setting(name).is_none() {
                self.sink.push(
                    Diagnostic::error(
                        Code::MissingSetting,
                        format!("a `notify` needs `{name}`"),
                        node.header,
                        format!("`{name}` is missing"),
                    )
                    .help(format!("add `{name} = …` to its block")),
                );
            }
        }
    }

    /// What can be said when all nodes are there.
    fn finish(&mut self, built: &mut Built) {
        cycle::find(self.scope, &built.links, &mut self.sink);
        self.check_keys(built);
        self.check_paths_of_needs(built);
        self.check_size(built);
        self.optional_outputs(built);
        self.collect_secrets(built);
        for (node, links) in built.nodes.iter_mut().zip(std::mem::take(&mut built.links)) {
            node.edges = links.into_iter().map(|link| link.edge).collect();
        }
    }

    fn too_many_edges(&mut self) {
        self.sink.push(
            Diagnostic::error(
                Code::TooManyEdges,
                format!("a plan may have {} edges", crate::plan::MAX_EDGES),
                self.scope.span,
                "more than that here",
            )
            .help("put jobs into stages: a stage is waited for as one"),
        );
    }

    /// Whether elements that are named exist, where that is known.
    fn check_keys(&mut self, built: &Built) {
        let mut known: BTreeMap<NodeId, BTreeSet<String>> = BTreeMap::new();
        for link in built.links.iter().flatten() {
            let Some(element) = &link.edge.element else {
                continue;
            };
            let values = element.iter().map(|expr| expr.as_const().cloned());
            let values: Option<Vec<Value>> = values.collect();
            let of = &built.nodes[link.edge.on.index()];
            let (Some(values), Some(Over::Known(elements))) =
                (values, of.fan_out.as_ref().map(|many| &many.over))
            else {
                continue;
            };
            let keys = known.entry(link.edge.on).or_insert_with(|| {
                elements.iter().map(|element| Value::element_key(element)).collect()
            });
            let key = Value::element_key(&values);
            if keys.contains(&key) || self.sink.is_full() {
                continue;
            }
            let diagnostic = Diagnostic::error(
                Code::NoSuchElement,
                format!("`{}` has no element `{key}`", of.name),
                link.span,
                "not one of its elements",
            );
            let all = keys.iter().map(String::as_str);
            self.sink.push(match closest(&key, all.clone()) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                None => diagnostic.help(format!("its elements are {}", crate::names::all_of(all))),
            });
        }
    }

    /// What two needed jobs produce at one path would overwrite each other.
    fn check_paths_of_needs(&mut self, built: &Built) {
        for (index, links) in built.links.iter().enumerate() {
            if links.len() < 2 || self.scope.nodes[index].kind != Kind::Job {
                continue;
            }
            let mut seen: BTreeMap<&str, NodeId> =
                BTreeMap::new();
            for link in links
                .iter()
                .filter(|link| link.edge.kind != model::plan::EdgeKind::Order)
            {
                let on = &built.nodes[link.edge.on.index()];
                let NodeKind::Job(job) = &on.kind else {
                    continue;
                };
                if on.fan_out.is_some() {
                    continue;
                }
                for path in &job.produces {
                    let Expr::Const(Value::String(path)) = path else {
                        continue;
                    };
                    match seen.insert(path, link.edge.on) {
                        Some(other) if other != link.edge.on => {
                            let other = self.declared(other).name;
                            self.sink.push(
                                Diagnostic::error(
                                    Code::SamePath,
                                    format!("`{other}` and `{}` both produce `{path}`", on.name),
                                    link.span,
                                    "both would lie at one path here",
                                )
                                .help("let them produce different paths"),
                            );
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// How many jobs there are, as far as it is known.
    fn check_size(&mut self, built: &Built) {
        let limit = self
            .known
            .map_or(crate::plan::MAX_JOBS, |known| known.request.max_jobs);
        let count = |node: &model::Node| match node.fan_out.as_ref().map(|many| &many.over) {
            Some(Over::Known(elements)) => elements.len(),
            _ => 1,
        };
        let mut n_jobs = 0_usize;
        for (node, declared) in built.nodes.iter().zip(&self.scope.nodes) {
            if declared.kind != Kind::Job {
                continue;
            }
            let stage = declared
                .parent
                .map_or(1, |stage| count(&built.nodes[stage.index()]));
            n_jobs = n_jobs.saturating_add(count(node).saturating_mul(stage));
        }
        if n_jobs > limit {
            self.sink.push(
                Diagnostic::error(
                    Code::TooManyJobs,
                    format!("a plan may have {limit} jobs"),
                    self.scope.span,
                    format!("{n_jobs} here"),
                )
                .help("do more in one job, or split the pipeline"),
            );
        }
    }

    /// An output may be missing where each of its uses says what it is then.
    fn optional_outputs(&mut self, built: &mut Built) {
        for ((id, index), uses) in &self.uses {
            if uses.plain || !uses.in_default {
                continue;
            }
            if let NodeKind::Job(job) = &mut built.nodes[id.index()].kind
                && let Some(output) = job.outputs.get_mut(*index)
            {
                output.optional = true;
            }
        }
    }

    /// The secrets that jobs get which are not skipped already.
    fn collect_secrets(&mut self, built: &Built) {
        let is_off = |node: &model::Node| matches!(&node.when, Some(when) if when.expr == Expr::Const(Value::Bool(false)));
        let mut secrets = BTreeSet::new();
        for node in &built.nodes {
            let NodeKind::Job(job) = &node.kind else {
                continue;
            };
            if is_off(node)
                || node
                    .parent
                    .is_some_and(|stage| is_off(&built.nodes[stage.index()]))
            {
                continue;
            }
            let steps = [&job.steps, &job.on_failure, &job.on_success, &job.always];
            let envs = steps.into_iter().flatten().map(|step| &step.env);
            for (_, expr) in envs.chain([&job.env]).flatten() {
                expr.visit(&mut |part| {
                    if let Expr::Const(Value::Secret(name)) = part {
                        secrets.insert(name.clone());
                    }
                });
            }
        }
        self.secrets.extend(secrets);
    }
}

fn no_event() -> model::plan::Event {
    model::plan::Event {
        kind: "manual".to_owned(),
        commit: String::new(),
        dirty: false,
        trusted: false,
        fields: BTreeMap::new(),
    }
}

fn concurrency(
    fields: &BTreeMap<&'static str, super::checker::Typed>,
) -> Option<Concurrency> {
    let text = |name: &str| fields.get(name)?.expr.as_const().map(Value::to_text);
    let when_busy = match text("when_busy").as_deref() {
        Some("cancel_older") => WhenBusy::CancelOlder,
        _ => WhenBusy::Queue,
    };
    Some(Concurrency {
        group: text("group")?,
        when_busy,
    })
}
