//! A whole pipeline: its parameters, triggers and blocks, then its nodes, then the graph.

use super::checker::{Checker, Mention};
use super::declare::Param;
use super::env::Env;
use super::job::{Defaults, Shared};
use super::shape::Body;
use crate::ast::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::{closest, with_article};
use crate::plan::link::Seen;
use crate::plan::order;
use crate::schema::{EventKind, KindSet, Level, LevelKind, Word};
use model::plan::{Concurrency, Plan, WhenBusy};
use model::types::ReadError;
use model::{Expr, Type, Value};
use std::collections::BTreeMap;

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
            language: super::file_scope::LANGUAGE,
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

fn concurrency(fields: &BTreeMap<&'static str, super::checker::Typed>) -> Option<Concurrency> {
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
