//! Names: variables, `let`, the roots, and the outputs of jobs.

use super::checker::{Checker, LetState, Mention, Typed};
use super::fold::unknown;
use super::types::{self, is_never, never};
use crate::ast::{self, Name};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::names::{one_of, with_article};
use crate::schema::{ROOTS, RUN_FIELDS};
use crate::source::Span;
use model::{Expr, NodeId, Type, Value};

/// How many `let` may be evaluated within each other. In the order of the text it is one; a bound, since
/// each needs a part of the stack.
pub(super) const MAX_LET_DEPTH: u32 = 50;

impl<'a> Checker<'a> {
    /// A bare name: sought in what its place expects, then among variables and `let`.
    pub(super) fn name(&mut self, name: &str, span: Span, want: Option<&Type>) -> Typed {
        if let Some(ty @ Type::Enum(words)) = want
            && words.iter().any(|word| word == name)
        {
            return Typed::value(ty.clone(), Value::text(name));
        }
        if let Some(variable) = self.cx.variables.iter().rfind(|known| known.name == name) {
            return Typed::new(variable.ty.clone(), Expr::Var(name.to_owned()));
        }
        if let Some((name, node)) = self.scope.lets.get_key_value(name) {
            return self.let_value(name, node, span);
        }
        if let Some(id) = self.scope.by_name.get(name) {
            self.node_is_no_value(*id, span);
            return Typed::poison();
        }
        if self.scope.instances.contains(name) || self.file.imports.contains(name) {
            return Typed::poison();
        }
        self.unknown_name(name, span, want);
        Typed::poison()
    }

    fn unknown_name(&mut self, name: &str, span: Span, want: Option<&Type>) {
        if ROOTS.contains(&name) {
            self.sink.push(
                Diagnostic::error(
                    Code::WrongForm,
                    format!("`{name}` alone is no value"),
                    span,
                    "of what?",
                )
                .help(format!("write `{name}.…`")),
            );
            return;
        }
        if self.scope.params.iter().any(|param| param.name == name) {
            self.sink.push(
                Diagnostic::error(
                    Code::UnknownName,
                    format!("there is no name `{name}`"),
                    span,
                    "a parameter is called so",
                )
                .help(format!("did you mean `param.{name}`?"))
                .fix(span, format!("param.{name}"), Applicability::Machine),
            );
            return;
        }
        if let Some(id) = self.cx.node
            && let Some(many) = &self.declared(id).node.fan_out
            && many.sources.iter().any(|source| &*source.name.text == name)
        {
            self.sink.push(
                Diagnostic::error(
                    Code::UnknownName,
                    format!("`{name}` is not known here"),
                    span,
                    "decided for all elements at once",
                )
                .label(many.span, "it has a value for each element")
                .help("choose elements with `where`, behind the `for`"),
            );
            return;
        }
        let words: Vec<String> = match want {
            Some(Type::Enum(words)) => words.clone(),
            _ => Vec::new(),
        };
        if !words.is_empty() {
            let headline = format!("`{name}` is none of the words that stand here");
            let help = format!("it takes {}", one_of(words.iter().map(String::as_str)));
            let words = words.iter().map(String::as_str);
            self.sink
                .unknown_with(Code::NoSuchMember, headline, name, span, words, Some(help));
            return;
        }
        let scope = self.scope;
        let variables: Vec<String> = self
            .cx
            .variables
            .iter()
            .map(|known| known.name.clone())
            .collect();
        let candidates = variables
            .iter()
            .map(String::as_str)
            .chain(scope.lets.keys().copied())
            .chain(scope.by_name.keys().copied());
        self.sink.unknown_with(
            Code::UnknownName,
            format!("there is no name `{name}`"),
            name,
            span,
            candidates,
            Some("a text stands in quotation marks".to_owned()),
        );
    }

    pub(super) fn node_is_no_value(&mut self, id: NodeId, span: Span) {
        let declared = self.declared(id);
        let name = declared.name;
        let diagnostic = Diagnostic::error(
            Code::JobIsNoValue,
            format!("`{name}` is a {}, not a value", declared.kind.word()),
            span,
            "of which output?",
        );
        let outputs = declared
            .outputs
            .iter()
            .map(|output| format!("{name}.{}", output.name));
        let outputs: Vec<String> = outputs.collect();
        self.sink.push(match outputs.as_slice() {
            [] => diagnostic.help(format!("to wait for it write `needs = [{name}]`")),
            some => diagnostic.help(format!(
                "its outputs are {}",
                crate::names::all_of(some.iter().map(String::as_str))
            )),
        });
    }

    fn let_value(&mut self, name: &'a str, node: &'a ast::Node, span: Span) -> Typed {
        match self.lets.get(name) {
            None if self.let_depth >= MAX_LET_DEPTH && self.sink.has(Code::ValueTooBig) => {
                return Typed::poison();
            }
            None if self.let_depth >= MAX_LET_DEPTH => {
                self.sink.push(
                    Diagnostic::error(
                        Code::ValueTooBig,
                        format!(
                            "a `let` may go through {MAX_LET_DEPTH} others that stand below it"
                        ),
                        span,
                        "more than that",
                    )
                    .help("write what is used above what uses it"),
                );
                return Typed::poison();
            }
            None => {
                self.lets.insert(name, LetState::Doing);
                self.let_depth += 1;
                let (typed, mentions) = self.define_let(node);
                self.let_depth -= 1;
                self.lets.insert(name, LetState::Done(typed, mentions));
            }
            Some(LetState::Doing) => {
                self.sink.push(
                    Diagnostic::error(
                        Code::Cycle,
                        format!("`let {name}` is defined by itself"),
                        span,
                        "its value is needed for its value",
                    )
                    .label(node.header, "defined here")
                    .help("break the circle"),
                );
                return Typed::poison();
            }
            Some(LetState::Done(..)) => {}
        }
        let Some(LetState::Done(typed, _)) = self.lets.get(name) else {
            return Typed::poison();
        };
        // Each mention is a copy: a `let` of two of another one doubles it.
        let size = super::fold::size(&typed.expr);
        if !self.spend(size, span) {
            return Typed::poison();
        }
        let Some(LetState::Done(typed, mentions)) = self.lets.get(name).cloned() else {
            return Typed::poison();
        };
        for mention in mentions {
            self.mention_of_let(Mention { span, ..mention });
        }
        typed
    }

    /// A `let` is evaluated outside of any node.
    fn define_let(&mut self, node: &'a ast::Node) -> (Typed, Vec<Mention>) {
        let Some(value) = &node.value else {
            return (Typed::poison(), Vec::new());
        };
        let written = node
            .type_of
            .as_ref()
            .map(|ty| types::written(ty, &mut self.sink));
        let outer = std::mem::take(&mut self.mentions);
        let mut cx = self.outside();
        cx.selector = true;
        let typed = self.within(cx, |checker| match &written {
            Some(ty) => checker.expect(value, ty, "the `let`"),
            None => checker.expr(value, None),
        });
        let mut mentions: Vec<Mention> = Vec::new();
        for mention in std::mem::replace(&mut self.mentions, outer) {
            let same = |other: &Mention| {
                other.job == mention.job
                    && other.element == mention.element
                    && other.in_default == mention.in_default
            };
            if !mentions.iter().any(same) {
                mentions.push(mention);
            }
        }
        if matches!(typed.expr, Expr::Worker(_)) {
            self.sink.push(
                Diagnostic::error(
                    Code::BadSelector,
                    "a fact of a worker is no value of its own",
                    value.span,
                    "of which worker is not known",
                )
                .help("compare it: `let big = worker.cores > 8`, for `runs_on`"),
            );
            return (Typed::poison(), mentions);
        }
        (typed, mentions)
    }

    fn mention_of_let(&mut self, mention: Mention) {
        if let (Some(node), Some(stage)) = (self.cx.node, self.declared(mention.job).parent)
            && self.declared(node).parent == Some(stage)
            && self.declared(stage).n_variables() > 0
        {
            let name = self.declared(mention.job).name;
            self.sink.push(
                Diagnostic::error(
                    Code::WrongKeys,
                    format!("this `let` is about `{name}` for all elements"),
                    mention.span,
                    "not for one element of the stage",
                )
                .help("mention the output itself: here it is that of the same element"),
            );
        }
        self.record_mention(mention);
    }

    /// `base.name`
    pub(super) fn member(&mut self, base: &ast::Expr, name: &Name, span: Span) -> Typed {
        let root = base.inner().as_name();
        if let Some(root) = root
            && ROOTS.contains(&root)
        {
            return self.root(root, name, span);
        }
        if let Some((id, keys)) = self.node_reference(base) {
            return self.output(id, &keys, name, span);
        }
        let base_typed = self.expr(base, None);
        match &base_typed.ty {
            ty if is_never(ty) => Typed::poison(),
            Type::Record(fields) => match fields.get(&*name.text) {
                Some(ty) => {
                    let ty = ty.clone();
                    let expr = Expr::Member(Box::new(base_typed.expr), name.text.to_string());
                    self.folded(ty, expr, span)
                }
                None => {
                    let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                    self.unknown_field(name, "this record", &known);
                    Typed::poison()
                }
            },
            Type::Worker => {
                let expr = Expr::Member(Box::new(base_typed.expr), name.text.to_string());
                Typed::new(self.fact(name), expr)
            }
            Type::Person if &*name.text == "on_call" => match base_typed.expr {
                Expr::Const(team) => Typed::value(
                    Type::Person,
                    Value::text(format!("{}.on_call", team.to_text())),
                ),
                _ => Typed::poison(),
            },
            ty => {
                let diagnostic = Diagnostic::error(
                    Code::UnknownField,
                    format!("{} has no members", with_article(&ty.to_string())),
                    name.span,
                    "not here",
                );
                self.sink.push(match ty {
                    Type::Map(_) => {
                        diagnostic.help(format!("an element of a map is `[\"{}\"]`", name.text))
                    }
                    _ => diagnostic.help("only records, jobs and workers have members"),
                });
                Typed::poison()
            }
        }
    }

    fn unknown_field(&mut self, name: &Name, of: &str, known: &[&str]) {
        self.sink.unknown_with(
            Code::UnknownField,
            format!("{of} has no `{}`", name.text),
            &name.text,
            name.span,
            known.iter().copied(),
            Some(format!(
                "it has {}",
                crate::names::all_of(known.iter().copied())
            )),
        );
    }

    fn root(&mut self, root: &str, name: &Name, span: Span) -> Typed {
        match root {
            "event" => self.event_field(name, span),
            "run" => self.run_field(name),
            "param" => self.param(name, span),
            "secret" => Typed::value(Type::Secret, Value::Secret(name.text.to_string())),
            "team" => self.team(name),
            "owner" => self.owner(name, span),
            _ => self.worker_fact(name, span),
        }
    }

    fn run_field(&mut self, name: &Name) -> Typed {
        const FIELDS: &[crate::schema::Field] = &RUN_FIELDS;
        let Some(field) = FIELDS.iter().find(|field| field.name == &*name.text) else {
            let known: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
            self.unknown_field(name, "`run`", &known);
            return Typed::poison();
        };
        if field.name == "outcome" && !self.cx.ending {
            self.sink.push(
                Diagnostic::error(
                    Code::EndOnly,
                    "`run.outcome` is not known before the end",
                    name.span,
                    "the run still goes on here",
                )
                .help("use it in `notify`, or in a job of `finally`"),
            );
        }
        Typed::new(field.ty.ty(), Expr::Run(field.name.to_owned()))
    }

    fn param(&mut self, name: &Name, span: Span) -> Typed {
        let Some(index) = self
            .scope
            .params
            .iter()
            .position(|param| param.name == &*name.text)
        else {
            let known: Vec<&str> = self.scope.params.iter().map(|param| param.name).collect();
            let help = match known.as_slice() {
                [] => format!("define it: `param {}: string`", name.text),
                some => format!(
                    "its parameters are {}",
                    crate::names::all_of(some.iter().copied())
                ),
            };
            self.sink.unknown_with(
                Code::UnknownName,
                format!("the pipeline has no parameter `{}`", name.text),
                &name.text,
                name.span,
                known,
                Some(help),
            );
            return Typed::poison();
        };
        let param = &self.scope.params[index];
        match &self.params[index] {
            Some(value) => {
                let (ty, value) = (param.ty.clone(), value.clone());
                match self.spend(super::fold::weight(&value), span) {
                    true => Typed::value(ty, value),
                    false => Typed::poison(),
                }
            }
            None => Typed::new(param.ty.clone(), unknown(&format!("param.{}", name.text))),
        }
    }

    fn team(&mut self, name: &Name) -> Typed {
        match self.site {
            Some(site) if !site.teams.contains(&*name.text) => {
                self.sink.unknown(
                    Code::UnknownName,
                    format!("the site file has no team `{}`", name.text),
                    &name.text,
                    name.span,
                    site.teams.iter().map(String::as_str),
                );
            }
            Some(_) => {}
            None => drop(self.assumed.insert(("team", name.text.to_string()))),
        }
        Typed::value(Type::Person, Value::text(format!("team.{}", name.text)))
    }

    fn owner(&mut self, name: &Name, span: Span) -> Typed {
        if self.scope.body.setting("owner").is_none() {
            self.sink.push(
                Diagnostic::error(
                    Code::UnknownName,
                    "the pipeline has no owner",
                    span,
                    "whose?",
                )
                .help("say it in the pipeline: `owner = team.NAME`"),
            );
        } else if &*name.text != "on_call" {
            self.unknown_field(name, "`owner`", &["on_call"]);
        }
        Typed::value(Type::Person, Value::text(format!("owner.{}", name.text)))
    }

    fn worker_fact(&mut self, name: &Name, span: Span) -> Typed {
        if !self.cx.selector {
            self.sink.push(
                Diagnostic::error(
                    Code::BadSelector,
                    "workers can't be asked here",
                    span,
                    "no worker has been chosen",
                )
                .help("`worker.…` stands in `runs_on`, and in `workers(…)`"),
            );
            return Typed::poison();
        }
        Typed::new(self.fact(name), Expr::Worker(name.text.to_string()))
    }

    /// The type of a fact; `never` where nobody declares it.
    fn fact(&mut self, name: &Name) -> Type {
        if matches!(&*name.text, "name" | "os" | "arch") {
            return Type::String;
        }
        match self.site {
            Some(site) => match site.facts.get(&*name.text) {
                Some(ty) => ty.clone(),
                None => {
                    let known = ["name", "os", "arch"];
                    self.sink.unknown(
                        Code::UnknownField,
                        format!("the site file has no fact `{}`", name.text),
                        &name.text,
                        name.span,
                        known
                            .into_iter()
                            .chain(site.facts.keys().map(String::as_str)),
                    );
                    never()
                }
            },
            None => {
                self.assumed.insert(("fact", name.text.to_string()));
                never()
            }
        }
    }
}
