//! From syntax tree to meaning: names, types and safety are checked, all mistakes at once; and, for an
//! event, a plan is made by the same code with more known.

mod call;
mod checker;
mod coerce;
pub(crate) mod declare;
mod env;
mod event;
mod expr;
mod fan_out;
mod file_scope;
mod finish;
mod fold;
mod form;
mod job;
mod name;
mod namespace;
mod operator;
mod output;
mod path;
mod pipeline;
mod references;
mod settings;
mod shape;
pub(crate) mod sink;
mod site;
mod step;
mod taint;
mod types;
mod uses;

pub use fan_out::MAX_COMBINATIONS;
pub use site::Site;

use crate::ast::{self, Expr};
use crate::diagnostic::{Code, Diagnostic};
use crate::parse;
use crate::plan::{Commit, Known, PlanRequest};
use crate::schema::{BlockUse, Level, LevelKind, Word};
use crate::source::{SourceFile, Span};
use checker::Checker;
use declare::PipelineScope;
use file_scope::FileScope;
use model::{Plan, Type, Value};
use shape::Body;
use sink::Sink;
use std::collections::BTreeSet;

/// A file that was checked.
#[derive(Debug)]
pub struct Checked<'s> {
    source: &'s SourceFile,
    site: Option<&'s Site>,
    file: ast::File,
    /// What the file defines to be run, in the order of the text.
    pub pipelines: Vec<Pipeline>,
    /// The titles of its `test` blocks, with where they stand. A run does not run them.
    pub tests: Vec<(String, Span)>,
    /// Names of the site file that were taken on trust, since none is at hand: `environment prod`.
    pub assumed: Vec<String>,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// What there is to know about a pipeline before it is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its title, for people.
    pub title: Option<String>,
    /// Its parameters, in the order of the text.
    pub params: Vec<Param>,
    /// What starts it, in the order of the text.
    pub triggers: Vec<Trigger>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// What it is where it is not given, as far as that is a constant.
    pub default: Option<Value>,
    /// Whether it may be left out.
    pub is_optional: bool,
}

/// What starts a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The kind of event.
    pub kind: String,
    /// What follows it: the label, the times, a name.
    pub argument: Option<String>,
}

/// Checks a file: reads it, and finds all that can be found without an event and a commit.
#[must_use]
pub fn check(source: &SourceFile) -> Checked<'_> {
    check_with(source, None)
}

/// Checks a file against a site file.
#[must_use]
pub fn check_with<'s>(source: &'s SourceFile, site: Option<&'s Site>) -> Checked<'s> {
    let parsed = parse::parse(source);
    let mut checked = Checked {
        source,
        site,
        file: parsed.file,
        pipelines: Vec::new(),
        tests: Vec::new(),
        assumed: Vec::new(),
        diagnostics: parsed.diagnostics,
    };
    checked.run();
    checked
}

impl Checked<'_> {
    /// Whether something is wrong, so that there is no plan.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Makes the plan of a pipeline for an event.
    ///
    /// # Errors
    /// What is wrong: with the file, or with the request in its light.
    pub fn plan(
        &self,
        request: &PlanRequest,
        commit: &dyn Commit,
    ) -> Result<Plan, Vec<Diagnostic>> {
        if self.has_errors() {
            return Err(self
                .diagnostics
                .iter()
                .filter(|found| found.is_error())
                .cloned()
                .collect());
        }
        // What has been said once is not said again.
        let mut silent = Sink::default();
        silent.mute();
        let file = FileScope::read(&self.file, &mut silent);
        let node = self
            .choose(&file, request.pipeline.as_deref())
            .map_err(|error| vec![*error])?;
        let scope = PipelineScope::read(node, &file, &mut silent);
        let known = Known { request, commit };
        let mut checker = Checker::new(
            self.source,
            &file,
            &scope,
            Some(&known),
            self.site,
            Sink::default(),
        );
        let plan = checker.pipeline();
        match checker.sink.has_errors() {
            true => Err(checker
                .sink
                .into_sorted()
                .into_iter()
                .filter(Diagnostic::is_error)
                .collect()),
            false => Ok(plan),
        }
    }

    fn choose<'a>(
        &self,
        file: &FileScope<'a>,
        name: Option<&str>,
    ) -> Result<&'a ast::Node, Box<Diagnostic>> {
        let names = || file.pipelines.iter().filter_map(|node| name_of(node));
        let wrong = |headline: String, help: String| {
            let mut labels = file.pipelines.iter().map(|node| node.header);
            let first = labels.next().unwrap_or_else(|| self.source.span().before());
            let error = Diagnostic::error(Code::NoPipeline, headline, first, "");
            Box::new(
                labels
                    .take(3)
                    .fold(error, |error, span| error.label(span, ""))
                    .help(help),
            )
        };
        match (name, file.pipelines.as_slice()) {
            (_, []) => Err(wrong(
                "the file has no pipeline".to_owned(),
                "write one: `pipeline name { … }`".to_owned(),
            )),
            (None, [single]) => Ok(single),
            (None, _) => Err(wrong(
                "the file has several pipelines".to_owned(),
                format!("say which one: {}", crate::names::one_of(names())),
            )),
            (Some(name), pipelines) => {
                let found = pipelines.iter().find(|node| name_of(node) == Some(name));
                found.copied().ok_or_else(|| {
                    let help = match crate::names::closest(name, names()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("it has {}", crate::names::all_of(names())),
                    };
                    wrong(format!("the file has no pipeline `{name}`"), help)
                })
            }
        }
    }

    fn run(&mut self) {
        let mut sink = Sink::default();
        let file = FileScope::read(&self.file, &mut sink);
        let mut pipelines = Vec::new();
        let mut assumed = BTreeSet::new();
        for node in &file.pipelines {
            let scope = PipelineScope::read(node, &file, &mut sink);
            let mut checker = Checker::new(self.source, &file, &scope, None, self.site, sink);
            let plan = checker.pipeline();
            pipelines.push(checker.summary(&plan));
            assumed.extend(checker.assumed);
            sink = checker.sink;
        }
        let outside = PipelineScope::outside(&file);
        let mut checker = Checker::new(self.source, &file, &outside, None, self.site, sink);
        checker.rest_of_file();
        self.tests = tests(&file);
        self.pipelines = pipelines;
        self.assumed = assumed
            .into_iter()
            .map(|(kind, name)| format!("{kind} {name}"))
            .collect();
        self.diagnostics.extend(checker.sink.into_sorted());
        self.diagnostics.sort_by_key(Diagnostic::span);
    }
}

fn name_of(node: &ast::Node) -> Option<&str> {
    node.arguments.first().and_then(Expr::as_name)
}

fn tests(file: &FileScope<'_>) -> Vec<(String, Span)> {
    let title = |node: &ast::Node| match &node.arguments.first()?.kind {
        ast::ExprKind::Text(text) => crate::text::plain_string(text).ok(),
        _ => None,
    };
    let tests = file.body.named("test");
    tests
        .map(|node| (title(node).unwrap_or_default(), node.span))
        .collect()
}

impl<'a> Checker<'a> {
    fn summary(&mut self, plan: &Plan) -> Pipeline {
        let triggers = self.scope.body.named("on").map(|node| Trigger {
            kind: name_of(node).unwrap_or_default().to_owned(),
            argument: match node.arguments.get(1).map(|argument| &argument.kind) {
                Some(ast::ExprKind::Text(text)) => crate::text::plain_string(text).ok(),
                Some(ast::ExprKind::Name(name)) => Some(name.to_string()),
                _ => None,
            },
        });
        let triggers = triggers.collect();
        self.sink.mute();
        let scope = self.scope;
        let params = scope.params.iter().map(|param| {
            let default = param.node.value.as_ref().and_then(|value| {
                self.expect(value, &param.ty, "a default")
                    .expr
                    .as_const()
                    .cloned()
            });
            Param {
                name: param.name.to_owned(),
                ty: param.ty.clone(),
                default,
                is_optional: param.node.value.is_some(),
            }
        });
        let params = params.collect();
        self.sink.unmute();
        Pipeline {
            name: scope.name.to_owned(),
            span: scope.span,
            title: plan.title.clone(),
            params,
            triggers,
        }
    }

    /// What stands in no pipeline: values, tests, and the words of a site file.
    fn rest_of_file(&mut self) {
        if self.file.pipelines.is_empty() {
            self.file_lets();
        }
        let file = self.file;
        for (word, node) in &file.body.words {
            match word.word {
                "pipeline" | "let" | "template" | "gantry" => {}
                "import" => self.announce(word, node),
                "fact" => {
                    if let Some(ty) = &node.type_of {
                        types::written(ty, &mut self.sink);
                    }
                }
                _ => self.plain_block(word, node),
            }
        }
    }

    fn file_lets(&mut self) {
        for (name, node) in &self.file.lets {
            let span = node.arguments.first().map_or(node.header, |name| name.span);
            self.name(name, span, None);
        }
    }

    /// A block of settings and steps that no plan is made of.
    fn plain_block(&mut self, word: &'static Word, node: &'a ast::Node) {
        if word.level() == Some(LevelKind::Given) {
            return;
        }
        let body = Body::of_block(word, node, &mut self.sink);
        self.settings(&body);
        let is_level_of_steps = matches!(word.block, BlockUse::Required(LevelKind::Destroy));
        if is_level_of_steps {
            self.steps(&body, &env::Env::default());
            return;
        }
        for (word, node) in &body.words {
            if Level::of(LevelKind::Test).word(word.word).is_none() {
                self.plain_block(word, node);
            }
        }
    }
}
