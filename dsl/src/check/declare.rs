//! What a file and its pipelines define, before any expression is looked at: names can be used above
//! the place where they are defined.

use super::file_scope::FileScope;
use super::namespace::Names;
use super::shape::Body;
use super::sink::Sink;
use super::types::{self, never};
use crate::ast::{self, Expr, ExprKind, Node};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::{KindSet, Level, LevelKind};
use crate::source::Span;
use model::plan::Phase;
use model::{NodeId, Type};
use std::collections::BTreeMap;
use std::collections::BTreeSet;

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
