//! Environments: the only way by which a value gets to a script.

use super::checker::{Checker, Typed};
use super::shape::entries;
use super::types::holds_untrusted;
use crate::ast::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::with_article;
use crate::schema::{BASE_VARIABLES, RESERVED_ENV_PREFIX};
use crate::source::Span;
use model::{Expr, Type, Value};

/// Variables, and whether one of them holds text from outside, with its place.
#[derive(Debug, Default, Clone)]
pub(super) struct Env {
    pub(super) variables: Vec<(String, Expr)>,
    pub(super) untrusted: Option<Span>,
}

impl Env {
    pub(super) fn extend(&mut self, other: Self) {
        self.variables.extend(other.variables);
        self.untrusted = self.untrusted.or(other.untrusted);
    }

    fn add(&mut self, name: String, typed: Typed, span: Span) {
        if holds_untrusted(&typed.ty) {
            self.untrusted.get_or_insert(span);
        }
        self.variables.push((name, typed.expr));
    }
}

impl<'a> Checker<'a> {
    /// `env { NAME = value }`
    pub(super) fn env(&mut self, node: &'a Node) -> Env {
        let mut env = Env::default();
        for (setting, name, span) in entries(node, "`env`", &mut self.sink) {
            self.env_name(&name, span, true);
            let typed = self.expr(&setting.value, None);
            if matches!(
                typed.ty,
                Type::Selector | Type::Environment | Type::Artifact
            ) {
                let diagnostic = Diagnostic::error(
                    Code::TypeMismatch,
                    format!(
                        "{} can't be put into `env`",
                        with_article(&typed.ty.to_string())
                    ),
                    setting.value.span,
                    "has no text",
                );
                self.sink
                    .push(diagnostic.help("texts, numbers, lists, maps and secrets can"));
                continue;
            }
            if let Expr::Const(Value::String(text)) = &typed.expr
                && text.contains('\0')
            {
                self.sink.push(
                    Diagnostic::error(
                        Code::EnvName,
                        "a variable can't hold a NUL",
                        setting.value.span,
                        "no program could read it",
                    )
                    .help("take it out"),
                );
            }
            env.add(name, typed, setting.value.span);
        }
        env
    }

    /// Parameters, bound under their own names.
    pub(super) fn env_of_params(&mut self) -> Env {
        let mut env = Env::default();
        for (index, param) in self.scope.params.iter().enumerate() {
            self.env_name(param.name, param.span, false);
            if matches!(param.ty, Type::Record(_)) {
                continue;
            }
            let expr = match &self.params[index] {
                Some(value) => Expr::Const(value.clone()),
                None => super::fold::unknown(&format!("param.{}", param.name)),
            };
            env.add(
                param.name.to_owned(),
                Typed::new(param.ty.clone(), expr),
                param.span,
            );
        }
        env
    }

    /// The variables of the `for` around the present node and of its own, bound likewise.
    pub(super) fn env_of_variables(&mut self, node: &'a Node) -> Env {
        let mut env = Env::default();
        for variable in self.cx.variables.clone() {
            let expr = Expr::Var(variable.name.clone());
            let expr = match variable.ty {
                Type::Record(_) => continue,
                Type::Worker => Expr::Member(Box::new(expr), "name".to_owned()),
                _ => expr,
            };
            env.add(variable.name, Typed::new(variable.ty, expr), node.header);
        }
        env
    }

    /// Whether a name can be a variable's on every system; says why not.
    pub(super) fn env_name(&mut self, name: &str, span: Span, is_explicit: bool) {
        let bad = name.is_empty()
            || name.contains(['=', '\0', '\n', '\r'])
            || name.starts_with(|c: char| c.is_ascii_digit());
        if bad {
            self.sink.push(
                Diagnostic::error(
                    Code::EnvName,
                    "this can't be the name of a variable",
                    span,
                    "no system takes it",
                )
                .help("use letters, digits and `_`: `MY_NAME`"),
            );
            return;
        }
        if name.to_ascii_uppercase().starts_with(RESERVED_ENV_PREFIX) {
            self.sink.push(
                Diagnostic::error(
                    Code::EnvName,
                    format!("variables that begin with `{RESERVED_ENV_PREFIX}` are Gantry's own"),
                    span,
                    "taken",
                )
                .help("choose another name"),
            );
            return;
        }
        // Set on purpose, `PATH` may be replaced; a parameter would do so by accident.
        let same = BASE_VARIABLES
            .iter()
            .find(|base| base.eq_ignore_ascii_case(name));
        let Some(base) = same.filter(|base| !is_explicit || **base != name) else {
            return;
        };
        let why = match *base == name {
            true => "would replace it for every script",
            false => "Windows knows no upper and lower case: there it is the same variable",
        };
        let diagnostic = Diagnostic::error(
            Code::EnvName,
            format!("`{name}` would take the place of the variable `{base}`"),
            span,
            why,
        );
        self.sink.push(match is_explicit {
            true => diagnostic.help(format!(
                "write `{base}`, if that is meant, or choose another name"
            )),
            false => diagnostic.help(
                "it is bound in the environment of scripts under its own name: choose another one",
            ),
        });
    }

    /// The `env` of each `defaults` that stands above a node.
    pub(super) fn defaults_env(&self, node: &'a Node) -> impl Iterator<Item = &'a Node> + use<'a> {
        let start = node.span.start;
        let defaults: Vec<&'a Node> = self.scope.body.named("defaults").collect();
        defaults
            .into_iter()
            .filter(move |defaults| defaults.span.start < start)
            .filter_map(|defaults| defaults.block.as_ref())
            .flat_map(|block| &block.statements)
            .filter_map(|statement| match statement {
                crate::ast::Statement::Node(node) if &*node.word.text == "env" => Some(&**node),
                _ => None,
            })
    }
}
