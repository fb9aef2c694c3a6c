//! Nodes that are named in expressions, and the outputs of jobs.

use super::checker::{Checker, Mention, Typed, Uses};
use super::types::{self, is_never};
use crate::ast::{self, ExprKind, Name};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::with_article;
use crate::source::Span;
use model::{Expr, NodeId, Type};

/// A node that is named, with the keys of each index behind the name.
pub(super) type NodeReference<'e> = (NodeId, Vec<(&'e [ast::Expr], Span)>);

impl Checker<'_> {
    /// `node`, `node[a]`, `node[a][b]`
    pub(super) fn node_reference<'e>(&self, expr: &'e ast::Expr) -> Option<NodeReference<'e>> {
        let mut keys = Vec::new();
        let mut base = expr.inner();
        while let ExprKind::Index(inner, index) = &base.kind {
            keys.push((index.as_slice(), base.span));
            base = inner.inner();
        }
        let name = base.as_name()?;
        if self.cx.variables.iter().any(|known| known.name == name) {
            return None;
        }
        keys.reverse();
        Some((*self.scope.by_name.get(name)?, keys))
    }

    /// `job.output`, `job[key].output`
    pub(super) fn output(
        &mut self,
        id: NodeId,
        keys: &[(&[ast::Expr], Span)],
        name: &Name,
        span: Span,
    ) -> Typed {
        let declared = self.declared(id);
        let Some(index) = declared
            .outputs
            .iter()
            .position(|output| output.name == &*name.text)
        else {
            let known: Vec<&str> = declared.outputs.iter().map(|output| output.name).collect();
            let help = match known.as_slice() {
                [] => format!("declare it in the job: `output {}: string`", name.text),
                some => format!(
                    "its outputs are {}",
                    crate::names::all_of(some.iter().copied())
                ),
            };
            self.sink.unknown_with(
                Code::UnknownOutput,
                format!(
                    "the {} `{}` has no output `{}`",
                    declared.kind.word(),
                    declared.name,
                    name.text
                ),
                &name.text,
                name.span,
                known,
                Some(help),
            );
            return Typed::poison();
        };
        let mut ty = declared.outputs[index].ty.clone();
        if self.tainted.contains(&id) {
            ty = types::tainted(&ty);
        }
        let in_default = self.cx.in_default;
        let at_the_end = match self.cx.node {
            Some(node) => self.ends_after(node, id),
            None => self.cx.ending,
        };
        if !self.sink.is_muted() && !at_the_end {
            let uses: &mut Uses = self.uses.entry((id, index)).or_default();
            match in_default {
                true => uses.in_default = true,
                false => uses.plain = true,
            }
        }
        // What it is an element of: of the stage that it stands in, seen from outside, and its own.
        let here = self.cx.node.and_then(|node| self.declared(node).parent);
        let stage = declared
            .parent
            .filter(|stage| Some(*stage) != here && self.declared(*stage).n_variables() > 0);
        let own = (declared.n_variables() > 0).then_some(id);
        let levels: Vec<NodeId> = stage.into_iter().chain(own).collect();
        for _ in &levels {
            ty = Type::Map(Box::new(ty));
        }
        let mut expr = Expr::Output {
            job: id,
            name: name.text.to_string(),
        };
        let mut element = None;
        for (level, (keys, key_span)) in keys.iter().enumerate() {
            let Some(of) = levels.get(level) else {
                self.not_many(id, *key_span);
                return Typed::poison();
            };
            let Some(keys) = self.keys(*of, keys, *key_span) else {
                return Typed::poison();
            };
            if levels.as_slice() == [id] && self.is_known_before(&keys) {
                element = Some(keys.clone());
            }
            expr = Expr::Index(Box::new(expr), keys);
            ty = match ty {
                Type::Map(item) => *item,
                other => other,
            };
        }
        self.record_mention(Mention {
            job: id,
            span,
            element,
            in_default,
        });
        Typed::new(ty, expr)
    }

    /// The keys of one element of a node.
    pub(super) fn keys(&mut self, of: NodeId, keys: &[ast::Expr], span: Span) -> Option<Vec<Expr>> {
        let declared = self.declared(of);
        let n_variables = declared.n_variables();
        if n_variables == 0 {
            self.not_many(of, span);
            return None;
        }
        if keys.len() != n_variables {
            let names = declared.node.fan_out.iter().flat_map(|many| &many.sources);
            let names: Vec<&str> = names.map(|source| &*source.name.text).collect();
            self.sink.push(
                Diagnostic::error(
                    Code::WrongKeys,
                    format!(
                        "an element of `{}` is named by {n_variables} value{}, not {}",
                        declared.name,
                        if n_variables == 1 { "" } else { "s" },
                        keys.len()
                    ),
                    span,
                    "not the key of an element",
                )
                .help(format!("write `{}[{}]`", declared.name, names.join(", "))),
            );
            return None;
        }
        let mut exprs = Vec::new();
        for key in keys {
            let typed = self.nested_plain(|checker| checker.expr(key, None));
            if matches!(typed.ty, Type::Untrusted | Type::Secret | Type::Inherited) {
                self.coerce(typed, key, &Type::String, "an index");
                return None;
            }
            exprs.push(typed.expr);
        }
        Some(exprs)
    }

    pub(super) fn not_many(&mut self, id: NodeId, span: Span) {
        let declared = self.declared(id);
        let stage = declared.parent.map(|stage| self.declared(stage));
        let diagnostic = Diagnostic::error(
            Code::WrongKeys,
            format!("`{}` takes no such index", declared.name),
            span,
            "names no element of it",
        );
        self.sink
            .push(match stage.filter(|stage| stage.n_variables() > 0) {
                Some(stage) => diagnostic
                    .label(stage.span, "there once for each element of this stage")
                    .help(format!(
                        "wait for all of them with `{}`, or for one element of the stage: `{}[…]`",
                        declared.name, stage.name
                    )),
                None if declared.n_variables() > 0 => diagnostic
                    .label(declared.span, "defined here")
                    .help("one index names one element"),
                None => diagnostic
                    .label(declared.span, "defined here without a `for`: there is one")
                    .help(format!("write `{}`", declared.name)),
            });
    }

    /// Whether the values are known before the node starts: no comprehension makes them.
    pub(super) fn is_known_before(&self, exprs: &[Expr]) -> bool {
        let own = &self.cx.variables[..self.cx.n_node_variables.min(self.cx.variables.len())];
        let mut known = true;
        for expr in exprs {
            expr.visit(&mut |part| {
                if let Expr::Var(name) = part {
                    known &=
                        name.starts_with('@') || own.iter().any(|variable| variable.name == *name);
                }
            });
        }
        known
    }

    pub(super) fn record_mention(&mut self, mention: Mention) {
        let Some(node) = self.cx.node else {
            self.mentions.push(mention);
            return;
        };
        if self.ends_after(node, mention.job) {
            if !mention.in_default {
                let name = self.declared(mention.job).name;
                self.sink.push(
                    Diagnostic::error(
                        Code::MayBeAbsent,
                        format!("`{name}` may have failed by then, and given nothing"),
                        mention.span,
                        "this runs in any case",
                    )
                    .help("say what it is otherwise: `default(…, \"\")`"),
                );
            }
            // It runs after it in any case, and must not be blocked by it.
            return;
        }
        self.mentions.push(mention);
    }

    /// `base[a]`, where base is no job.
    pub(super) fn index(&mut self, base: &ast::Expr, keys: &[ast::Expr], span: Span) -> Typed {
        if let Some((id, _)) = self.node_reference(base) {
            self.node_is_no_value(id, span);
            return Typed::poison();
        }
        let base_typed = self.expr(base, None);
        let keys: Vec<(Typed, Span)> = keys
            .iter()
            .map(|key| {
                (
                    self.nested_plain(|checker| checker.expr(key, None)),
                    key.span,
                )
            })
            .collect();
        let item = match &base_typed.ty {
            ty if is_never(ty) => return Typed::poison(),
            Type::List(item) => match keys.as_slice() {
                [(key, _)] if key.ty == Type::Int || is_never(&key.ty) => (**item).clone(),
                _ => return self.bad_index(&base_typed.ty, span, "a list has an `int` as index"),
            },
            Type::Map(item) => {
                let bad = keys.iter().any(|(key, _)| !types::is_scalar(&key.ty));
                match bad {
                    false => (**item).clone(),
                    true => {
                        return self.bad_index(&base_typed.ty, span, "a map has a text as index");
                    }
                }
            }
            ty => {
                let ty = ty.clone();
                return self.bad_index(&ty, span, "only lists and maps have elements");
            }
        };
        let keys = keys.into_iter().map(|(key, _)| key.expr).collect();
        self.folded(item, Expr::Index(Box::new(base_typed.expr), keys), span)
    }

    fn bad_index(&mut self, ty: &Type, span: Span, help: &str) -> Typed {
        self.sink.push(
            Diagnostic::error(
                Code::TypeMismatch,
                format!("{} has no such element", with_article(&ty.to_string())),
                span,
                "not an index of it",
            )
            .help(help),
        );
        Typed::poison()
    }
}
