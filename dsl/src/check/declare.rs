//! What a file and its pipelines define, before any expression is looked at: names can be used above
//! the place where they are defined.

use super::shape::Body;
use super::sink::Sink;
use super::types::{self, never};
use crate::ast::{self, Expr, ExprKind, Node, Statement};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::{BuiltinPlugin, KindSet, Level, LevelKind, ROOTS};
use crate::source::Span;
use model::plan::Phase;
use model::{NodeId, Type};
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// The version of the language that this build reads.
pub(crate) const LANGUAGE: u32 = 1;

/// What a file defines.
#[derive(Debug)]
pub(crate) struct FileScope<'a> {
    pub(crate) body: Body<'a>,
    pub(crate) lets: BTreeMap<&'a str, &'a Node>,
    /// With what is known of it, where it comes with Gantry.
    pub(crate) plugins: BTreeMap<&'a str, Option<&'static BuiltinPlugin>>,
    pub(crate) imports: BTreeSet<&'a str>,
    pub(crate) templates: BTreeMap<&'a str, &'a Node>,
    pub(crate) pipelines: Vec<&'a Node>,
}

/// What a pipeline defines.
#[derive(Debug)]
pub(crate) struct PipelineScope<'a> {
    pub(crate) name: &'a str,
    /// Of the name.
    pub(crate) span: Span,
    /// Of the whole file, where it is no pipeline's.
    pub(crate) node_span: Span,
    pub(crate) body: Body<'a>,
    /// Parents before children, else in the order of the text: as in the plan.
    pub(crate) nodes: Vec<Declared<'a>>,
    pub(crate) by_name: BTreeMap<&'a str, NodeId>,
    /// Those of the file too.
    pub(crate) lets: BTreeMap<&'a str, &'a Node>,
    pub(crate) params: Vec<Param<'a>>,
    /// The kinds of its triggers; `manual` only where it is one of them.
    pub(crate) kinds: KindSet,
    /// Instances of templates, of which nothing is known.
    pub(crate) instances: BTreeSet<&'a str>,
    /// Each with the phase that it stands in.
    pub(crate) notifications: Vec<(&'a Node, Phase)>,
}

/// A stage, job, approval or merge.
#[derive(Debug)]
pub(crate) struct Declared<'a> {
    pub(crate) name: &'a str,
    /// Of the name.
    pub(crate) span: Span,
    pub(crate) kind: Kind,
    pub(crate) node: &'a Node,
    pub(crate) body: Body<'a>,
    pub(crate) parent: Option<NodeId>,
    pub(crate) phase: Phase,
    pub(crate) outputs: Vec<Output<'a>>,
}

/// What a node of the graph is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stage,
    Job,
    Approve,
    Merge,
}

impl Kind {
    pub(crate) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "stage" => Self::Stage,
            "job" => Self::Job,
            "approve" => Self::Approve,
            "merge" => Self::Merge,
            _ => return None,
        })
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Job => "job",
            Self::Approve => "approval",
            Self::Merge => "merge",
        }
    }

    /// Whether it waits for all above it, and all below for it.
    pub(crate) fn is_barrier(self) -> bool {
        self != Self::Job
    }
}

/// `output name: type`
#[derive(Debug)]
pub(crate) struct Output<'a> {
    pub(crate) name: &'a str,
    pub(crate) ty: Type,
}

/// `param name: type = default { … }`
#[derive(Debug)]
pub(crate) struct Param<'a> {
    pub(crate) name: &'a str,
    pub(crate) span: Span,
    pub(crate) ty: Type,
    pub(crate) node: &'a Node,
    pub(crate) body: Body<'a>,
}

impl Declared<'_> {
    /// The variables of its `for`.
    pub(crate) fn n_variables(&self) -> usize {
        self.node
            .fan_out
            .as_ref()
            .map_or(0, |many| many.sources.len())
    }
}

impl<'a> FileScope<'a> {
    pub(crate) fn read(file: &'a ast::File, sink: &mut Sink) -> Self {
        excuse(&file.statements, sink);
        let body = Body::read(Level::of(LevelKind::File), &file.statements, sink);
        let mut scope = Self {
            body,
            lets: BTreeMap::new(),
            plugins: BTreeMap::new(),
            imports: BTreeSet::new(),
            templates: BTreeMap::new(),
            pipelines: Vec::new(),
        };
        let mut names = Names::new(
            "plugins, imports, templates and `let` of a file share their names: rename one of them",
        );
        let mut pipelines =
            Names::new("pipelines of a file have different names: rename one of them");
        for (position, (word, node)) in scope.body.words.iter().enumerate() {
            match word.word {
                "gantry" => language(node, position, sink),
                "import" => {
                    if let Some(alias) = &node.alias {
                        names.define(&alias.text, alias.span, sink);
                        scope.imports.insert(&alias.text);
                    }
                }
                "plugin" => {
                    let name = names.argument(node, sink);
                    scope.plugins.insert(name, builtin(node, sink));
                }
                "template" => {
                    let name = names.argument(node, sink);
                    scope.templates.insert(name, node);
                }
                "let" => {
                    let name = names.argument(node, sink);
                    scope.lets.insert(name, node);
                }
                "pipeline" => {
                    pipelines.argument(node, sink);
                    scope.pipelines.push(node);
                }
                _ => {}
            }
        }
        scope
    }
}

/// Names in what could not be read may be anything.
fn excuse(statements: &[Statement], sink: &mut Sink) {
    for statement in statements {
        let block = match statement {
            Statement::Setting(_) => None,
            Statement::Node(node) => node.block.as_ref(),
            Statement::Broken(broken) => {
                for name in &broken.names {
                    sink.excuse(&name.text);
                }
                if let Some(block) = &broken.block {
                    excuse_all(&block.statements, sink);
                }
                None
            }
        };
        if let Some(block) = block {
            excuse(&block.statements, sink);
        }
    }
}

/// All that is defined in the block of what could not be read.
fn excuse_all(statements: &[Statement], sink: &mut Sink) {
    for statement in statements {
        if let Statement::Node(node) = statement {
            for name in node.arguments.iter().filter_map(Expr::as_name) {
                sink.excuse(name);
            }
            if let Some(block) = &node.block {
                excuse_all(&block.statements, sink);
            }
        }
    }
}

fn language(node: &Node, position: usize, sink: &mut Sink) {
    let argument = node.arguments.first();
    let version = argument.map(|argument| &argument.kind);
    let span = argument.map_or(node.header, |argument| argument.span);
    if !matches!(version, Some(ExprKind::Number(ast::Number::Int(1)))) {
        sink.push(
            Diagnostic::error(
                Code::UnknownVersion,
                "this build reads version 1 of the language",
                span,
                "another version",
            )
            .help("write `gantry 1`, or use the release of Gantry that knows this version"),
        );
    }
    if position > 0 {
        sink.push(
            Diagnostic::error(
                Code::MisplacedWord,
                "the version of the language stands first in a file",
                node.header,
                "something stands above it",
            )
            .help("move it to the first line"),
        );
    }
}

fn builtin(node: &Node, sink: &mut Sink) -> Option<&'static BuiltinPlugin> {
    let value = node.value.as_ref()?;
    let ExprKind::Text(text) = &value.kind else {
        sink.push(
            Diagnostic::error(
                Code::TypeMismatch,
                "a plugin is named by a text",
                value.span,
                "not a text",
            )
            .help("for one that comes with Gantry: `\"builtin:http\"`"),
        );
        return None;
    };
    let name = match crate::text::plain_string(text) {
        Ok(name) => name,
        Err(diagnostics) => {
            sink.extend(diagnostics);
            return None;
        }
    };
    let name = name.strip_prefix("builtin:")?;
    let found = BuiltinPlugin::of(name);
    if found.is_none() {
        sink.unknown(
            Code::UnknownName,
            format!("no plugin `{name}` comes with Gantry"),
            name,
            value.span,
            crate::schema::BUILTIN_PLUGINS
                .iter()
                .map(|plugin| plugin.name),
        );
    }
    found
}

/// The names of one namespace.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    known: BTreeMap<&'a str, Span>,
    /// What shares it, as advice.
    help: &'static str,
}

impl<'a> Names<'a> {
    fn new(help: &'static str) -> Self {
        Self {
            known: BTreeMap::new(),
            help,
        }
    }

    /// Defines the first argument of a node, which its form has found to be a name.
    fn argument(&mut self, node: &'a Node, sink: &mut Sink) -> &'a str {
        match node
            .arguments
            .iter()
            .find_map(|argument| Some((argument.as_name()?, argument.span)))
        {
            Some((name, span)) => {
                self.define(name, span, sink);
                name
            }
            None => "",
        }
    }

    fn define(&mut self, name: &'a str, span: Span, sink: &mut Sink) -> bool {
        if ROOTS.contains(&name) {
            sink.push(
                Diagnostic::error(
                    Code::ReservedName,
                    format!("`{name}` can't be defined: it means the same everywhere"),
                    span,
                    "taken",
                )
                .help(format!(
                    "choose another name; {} name nothing else",
                    crate::names::all_of(ROOTS)
                )),
            );
            return false;
        }
        if let Some(first) = self.known.get(name) {
            sink.push(
                Diagnostic::error(
                    Code::DuplicateName,
                    format!("`{name}` is defined twice"),
                    span,
                    "defined again here",
                )
                .label(*first, "first defined here")
                .help(self.help),
            );
            return false;
        }
        self.known.insert(name, span);
        true
    }
}

impl<'a> PipelineScope<'a> {
    /// What a place outside of any pipeline sees.
    pub(crate) fn outside(file: &FileScope<'a>) -> Self {
        Self {
            name: "",
            span: Span::default(),
            node_span: Span::default(),
            body: Body {
                settings: Vec::new(),
                words: Vec::new(),
            },
            nodes: Vec::new(),
            by_name: BTreeMap::new(),
            lets: file.lets.clone(),
            params: Vec::new(),
            kinds: KindSet::EMPTY,
            instances: BTreeSet::new(),
            notifications: Vec::new(),
        }
    }

    pub(crate) fn read(node: &'a Node, file: &FileScope<'a>, sink: &mut Sink) -> Self {
        let mut scope = Self::outside(file);
        let argument = node.arguments.first();
        scope.name = argument.and_then(Expr::as_name).unwrap_or_default();
        scope.span = argument.map_or(node.header, |argument| argument.span);
        scope.node_span = node.span;
        let statements = node
            .block
            .as_ref()
            .map_or(&[][..], |block| &block.statements);
        let body = Body::read(Level::of(LevelKind::Pipeline), statements, sink);
        let mut names = Names::new(
            "stages, jobs, approvals, merges and `let` share their names: rename one of them",
        );
        for (name, node) in &file.lets {
            names.known.insert(name, node.header);
        }
        let mut params = Names::new("parameters have different names: rename one of them");
        for (word, node) in &body.words {
            match word.word {
                "on" => {
                    let kind = node
                        .arguments
                        .first()
                        .and_then(Expr::as_name)
                        .unwrap_or_default();
                    scope.kinds = scope.kinds.or(KindSet::named(kind));
                }
                "param" => {
                    let name = params.argument(node, sink);
                    let span = node.arguments.first().map_or(node.header, |name| name.span);
                    let ty = node
                        .type_of
                        .as_ref()
                        .map_or_else(never, |ty| param_type(ty, sink));
                    let body = Body::of_block(word, node, sink);
                    scope.params.push(Param {
                        name,
                        span,
                        ty,
                        node,
                        body,
                    });
                }
                "let" => {
                    let name = names.argument(node, sink);
                    scope.lets.insert(name, node);
                }
                "finally" => {
                    let inner = Body::of_block(word, node, sink);
                    scope.walk(inner, None, Phase::Always, &mut names, sink);
                }
                _ => scope.node(word, node, (None, Phase::Main), &mut names, sink),
            }
        }
        scope.body = body;
        scope
    }

    fn walk(
        &mut self,
        body: Body<'a>,
        parent: Option<NodeId>,
        phase: Phase,
        names: &mut Names<'a>,
        sink: &mut Sink,
    ) {
        for (word, node) in &body.words {
            self.node(word, node, (parent, phase), names, sink);
        }
    }

    fn node(
        &mut self,
        word: &'static crate::schema::Word,
        node: &'a Node,
        (parent, phase): (Option<NodeId>, Phase),
        names: &mut Names<'a>,
        sink: &mut Sink,
    ) {
        match word.word {
            "notify" => return self.notifications.push((node, phase)),
            "use" => return self.instance(node, names, sink),
            _ => {}
        }
        let Some(kind) = Kind::of(word.word) else {
            return;
        };
        let span = node.arguments.first().map_or(node.header, |name| name.span);
        let before = names.known.len();
        let name = names.argument(node, sink);
        // A plan is bounded far below 2^32 nodes, and a file below that many bytes.
        let id = NodeId(self.nodes.len() as u32);
        if names.known.len() > before {
            self.by_name.insert(name, id);
        }
        let body = Body::of_block(word, node, sink);
        let outputs = match kind {
            Kind::Job => outputs(&body, sink),
            _ => Vec::new(),
        };
        let inner: Vec<_> = match kind {
            Kind::Stage => body.words.clone(),
            _ => Vec::new(),
        };
        self.nodes.push(Declared {
            name,
            span,
            kind,
            node,
            body,
            parent,
            phase,
            outputs,
        });
        for (word, node) in inner {
            let hook = match word.word {
                "on_failure" => Phase::OnFailure,
                "always" => Phase::Always,
                _ => {
                    self.node(word, node, (Some(id), Phase::Main), names, sink);
                    continue;
                }
            };
            let inner = Body::of_block(word, node, sink);
            self.walk(inner, Some(id), hook, names, sink);
        }
    }

    fn instance(&mut self, node: &'a Node, names: &mut Names<'a>, sink: &mut Sink) {
        if let Some(alias) = &node.alias {
            names.define(&alias.text, alias.span, sink);
            self.instances.insert(&alias.text);
            return;
        }
        // Without `as` the instance is named like the template.
        if let Some(Expr {
            kind: ExprKind::Call(callee, _),
            ..
        }) = node.arguments.first()
        {
            match &callee.kind {
                ExprKind::Name(name) => drop(self.instances.insert(name)),
                ExprKind::Member(_, name) => drop(self.instances.insert(&name.text)),
                _ => {}
            }
        }
    }
}

fn param_type(ty: &ast::Type, sink: &mut Sink) -> Type {
    let written = types::written(ty, sink);
    let fits = !matches!(
        written,
        Type::Secret
            | Type::Inherited
            | Type::Artifact
            | Type::Worker
            | Type::Selector
            | Type::Untrusted
    );
    if !fits {
        let help = match written {
            Type::Secret => {
                "use `secret.NAME` where it is needed: whoever starts a run never sees it"
            }
            _ => "only those who may start a run set it, so that it is trusted: use `string`",
        };
        sink.push(
            Diagnostic::error(
                Code::UnknownType,
                format!(
                    "a parameter can't be {}",
                    crate::names::with_article(&written.to_string())
                ),
                ty.span,
                "not here",
            )
            .help(help),
        );
    }
    written
}

fn outputs<'a>(body: &Body<'a>, sink: &mut Sink) -> Vec<Output<'a>> {
    let mut names = Names::new("outputs of a job have different names: rename one of them");
    let mut outputs = Vec::new();
    for node in body.named("output") {
        let before = names.known.len();
        let name = names.argument(node, sink);
        let Some(written) = &node.type_of else {
            continue;
        };
        let ty = types::written(written, sink);
        if matches!(
            ty,
            Type::Secret | Type::Inherited | Type::Worker | Type::Selector | Type::Environment
        ) {
            sink.push(
                Diagnostic::error(
                    Code::UnknownType,
                    format!(
                        "an output can't be {}",
                        crate::names::with_article(&ty.to_string())
                    ),
                    written.span,
                    "can't be handed on",
                )
                .help("a job hands on texts, numbers, lists and maps"),
            );
        }
        if names.known.len() > before {
            outputs.push(Output { name, ty });
        }
    }
    outputs
}
