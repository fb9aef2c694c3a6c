//! The state of a check: what is known, where we are, what was found out.

use super::declare::{Declared, PipelineScope};
use super::file_scope::FileScope;
use super::fold::unknown;
use super::sink::Sink;
use super::types::never;
use crate::plan::Known;
use crate::schema::{Availability, KindSet};
use crate::source::{SourceFile, Span};
use model::plan::{Phase, Unsupported};
use model::spec::Place;
use model::{Expr, NodeId, Type, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Checks one pipeline, and makes its plan on the way. Checking is planning with nothing known: what
/// an event, a parameter or a commit would decide stays open ([`unknown`]), all else is the same.
pub(crate) struct Checker<'a> {
    pub(super) source: &'a SourceFile,
    pub(super) file: &'a FileScope<'a>,
    pub(super) scope: &'a PipelineScope<'a>,
    /// What the plan is made for; absent while checking.
    pub(super) known: Option<&'a Known<'a>>,
    pub(super) site: Option<&'a super::Site>,
    pub(super) sink: Sink,
    /// Where we are.
    pub(super) cx: Context,
    pub(super) lets: BTreeMap<&'a str, LetState>,
    /// How many of them are being evaluated.
    pub(super) let_depth: u32,
    pub(super) params: Vec<Option<Value>>,
    /// Outputs that the present node has mentioned so far.
    pub(super) mentions: Vec<Mention>,
    pub(super) unsupported: Vec<Unsupported>,
    pub(super) secrets: BTreeSet<String>,
    /// The last place that was asked for, from which the next one is counted.
    last_place: Option<(u32, Place)>,
    /// Whether there are too many variables already, so that no more are kept.
    pub(super) shared_is_dropped: bool,
    /// How each output is used.
    pub(super) uses: BTreeMap<(NodeId, usize), Uses>,
    /// Jobs whose environment holds text from outside.
    pub(super) tainted: BTreeSet<NodeId>,
    /// What the commit has answered.
    pub(super) answers: BTreeMap<(&'static str, Vec<String>), Value>,
    /// What expressions have made so far: see [`super::fold::MAX_WORK`].
    pub(super) spent: usize,
    /// Names that a site file would know, and that were taken on trust.
    pub(super) assumed: BTreeSet<(&'static str, String)>,
}

/// Where an expression stands.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) node: Option<NodeId>,
    /// The kinds of events that can have come here.
    pub(super) kinds: KindSet,
    /// Whether a selector is expected: a string is a label, workers can be asked.
    pub(super) selector: bool,
    /// Whether the run is about to end: `failed()` and `run.outcome` are known.
    pub(super) ending: bool,
    /// Whether this is the first argument of a `default(…)`.
    pub(super) in_default: bool,
    /// Whether the plan knows already that this does not apply.
    pub(super) dead: bool,
    /// Those of `for`, outermost first.
    pub(super) variables: Vec<Variable>,
    /// How many of them are the node's own and its stage's, rather than of a comprehension.
    pub(super) n_node_variables: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) ty: Type,
}

/// An expression with its type.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) ty: Type,
    pub(super) expr: Expr,
}

/// An output that was mentioned.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    pub(super) job: NodeId,
    pub(super) span: Span,
    pub(super) element: Option<Vec<Expr>>,
    /// Whether it may be absent there.
    pub(super) in_default: bool,
}

#[derive(Debug, Clone)]
pub(super) enum LetState {
    Doing,
    Done(Typed, Vec<Mention>),
}

/// How an output is used, over all its mentions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Uses {
    pub(super) plain: bool,
    pub(super) in_default: bool,
}

impl Typed {
    pub(super) fn new(ty: Type, expr: Expr) -> Self {
        Self { ty, expr }
    }

    pub(super) fn value(ty: Type, value: Value) -> Self {
        Self::new(ty, Expr::Const(value))
    }

    /// What has been reported: fits everywhere, so that one mistake is said once.
    pub(super) fn poison() -> Self {
        Self::new(never(), unknown("?"))
    }
}

impl<'a> Checker<'a> {
    pub(crate) fn new(
        source: &'a SourceFile,
        file: &'a FileScope<'a>,
        scope: &'a PipelineScope<'a>,
        known: Option<&'a Known<'a>>,
        site: Option<&'a super::Site>,
        sink: Sink,
    ) -> Self {
        let manual = KindSet::named("manual");
        Self {
            source,
            file,
            scope,
            known,
            site,
            sink,
            cx: Context {
                node: None,
                kinds: scope.kinds.or(manual),
                selector: false,
                ending: false,
                in_default: false,
                dead: false,
                variables: Vec::new(),
                n_node_variables: 0,
            },
            lets: BTreeMap::new(),
            let_depth: 0,
            params: vec![None; scope.params.len()],
            mentions: Vec::new(),
            unsupported: Vec::new(),
            secrets: BTreeSet::new(),
            last_place: None,
            shared_is_dropped: false,
            uses: BTreeMap::new(),
            tainted: BTreeSet::new(),
            answers: BTreeMap::new(),
            spent: 0,
            assumed: BTreeSet::new(),
        }
    }

    /// Whether a plan is made, rather than a check.
    pub(super) fn is_planning(&self) -> bool {
        self.known.is_some()
    }

    pub(super) fn declared(&self, id: NodeId) -> &'a Declared<'a> {
        &self.scope.nodes[id.index()]
    }

    /// Does something in a context of its own.
    pub(super) fn within<T>(&mut self, cx: Context, run: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.cx, cx);
        let result = run(self);
        self.cx = outer;
        result
    }

    /// Does something in a copy of the present context.
    pub(super) fn nested<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        self.within(self.cx.clone(), run)
    }

    /// The context outside of any node.
    pub(super) fn outside(&self) -> Context {
        Context {
            node: None,
            kinds: self.scope.kinds.or(KindSet::named("manual")),
            selector: false,
            ending: false,
            in_default: false,
            dead: false,
            variables: Vec::new(),
            n_node_variables: 0,
        }
    }

    /// Where something begins. Mostly asked in the order of the text: on a long line it is counted
    /// on from the last answer.
    pub(super) fn place(&mut self, span: Span) -> Place {
        let on_same_line = self.last_place.filter(|(at, place)| {
            let line = self.source.line(place.line);
            *at <= span.start && line.is_some_and(|line| span.start <= line.end)
        });
        let place = match on_same_line {
            Some((at, place)) => {
                let between = self.source.slice(Span::new(span.file, at, span.start));
                let n_characters = between.chars().count() as u32;
                Place {
                    line: place.line,
                    column: place.column + n_characters,
                }
            }
            None => {
                let position = self.source.position(span.start);
                Place {
                    line: position.line,
                    column: position.column,
                }
            }
        };
        self.last_place = Some((span.start, place));
        place
    }

    /// Notes that this build can't do something that it was asked for.
    pub(super) fn note(&mut self, word: &str, span: Span, availability: Availability) {
        let help = match availability {
            Availability::Planned(help) => help,
            Availability::Windows if !self.on_windows() => {
                "it exists on Windows only: write the step for `sh`, `bash` or `python`"
            }
            _ => return,
        };
        if self.cx.dead || !self.is_planning() {
            return;
        }
        let place = self.place(span);
        self.unsupported.push(Unsupported {
            word: word.to_owned(),
            place,
            node: self.cx.node,
            help: help.to_owned(),
        });
    }

    fn on_windows(&self) -> bool {
        self.known
            .is_some_and(|known| known.request.os == crate::plan::HostOs::Windows)
    }

    /// Whether a node of that phase is at the end of what `other` belongs to, so that it runs after it
    /// in any case: a job of `finally` after all of the main part, one of a stage's `always` after all
    /// of the stage.
    pub(super) fn ends_after(&self, node: NodeId, other: NodeId) -> bool {
        let late = self.declared(node);
        let early = self.declared(other);
        if late.phase == Phase::Main {
            return false;
        }
        match late.parent {
            None => early.parent.is_some() || early.phase < late.phase,
            Some(stage) => early.parent == Some(stage) && early.phase < late.phase,
        }
    }
}
