//! `needs` and `after`: lists of jobs and stages.

use super::checker::Checker;
use crate::ast::{self, ExprKind};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::plan::link::{Link, Seen};
use model::plan::EdgeKind;

impl Checker<'_> {
    /// `[build, test["linux"]]`
    pub(super) fn references(
        &mut self,
        value: &ast::Expr,
        what: &str,
        name: &'static str,
    ) -> Vec<Link> {
        let kind = match name {
            "after" => EdgeKind::After,
            _ => EdgeKind::Needs,
        };
        let items = match &value.inner().kind {
            ExprKind::List(items) => items.as_slice(),
            ExprKind::Error => return Vec::new(),
            _ => {
                let text = self.source.slice(value.span);
                self.sink.push(
                    Diagnostic::error(
                        Code::TypeMismatch,
                        format!("{what} takes a list"),
                        value.span,
                        "not a list",
                    )
                    .help(format!("write `{name} = [{text}]`"))
                    .fix(
                        value.span,
                        format!("[{text}]"),
                        Applicability::Machine,
                    ),
                );
                std::slice::from_ref(value)
            }
        };
        let mut links: Vec<Link> = Vec::new();
        let mut seen = Seen::default();
        for item in items {
            if let Some(link) = self.reference(item, kind)
                && seen.insert(link.edge.on, link.edge.element.as_deref())
            {
                links.push(link);
            }
        }
        links
    }

    fn reference(&mut self, item: &ast::Expr, kind: EdgeKind) -> Option<Link> {
        let span = item.span;
        let Some((id, keys)) = self.node_reference(item) else {
            self.no_reference(item);
            return None;
        };
        let node = self.cx.node?;
        let element = match keys.as_slice() {
            [] => None,
            [(keys, key_span)] => Some(self.keys(id, keys, *key_span)?),
            [.., (_, key_span)] => {
                self.not_many(id, *key_span);
                return None;
            }
        };
        let target = self.declared(id);
        if self.ends_after(id, node) {
            self.sink.push(
                Diagnostic::error(
                    Code::WrongPhase,
                    format!("`{}` runs at the end, and can't be waited for", target.name),
                    span,
                    "not before the end",
                )
                .label(target.span, "defined here, for the end")
                .help("what runs in any case comes last: move one of the two"),
            );
            return None;
        }
        Some(Link::new(id, kind, element, span))
    }

    fn no_reference(&mut self, item: &ast::Expr) {
        let span = item.span;
        match &item.inner().kind {
            ExprKind::Name(name) => {
                if self.scope.instances.contains(&**name) {
                    return;
                }
                let scope = self.scope;
                let names = scope.by_name.keys().copied();
                let help = (!scope.by_name.is_empty())
                    .then(|| format!("there are {}", crate::names::all_of(names.clone())));
                self.sink.unknown_with(
                    Code::UnknownName,
                    format!("there is no job or stage `{name}`"),
                    name,
                    span,
                    names,
                    help,
                );
            }
            ExprKind::Text(text) => {
                let name = crate::text::plain_string(text).unwrap_or_default();
                let diagnostic = Diagnostic::error(
                    Code::TypeMismatch,
                    "jobs are named without quotation marks",
                    span,
                    "a text, not a job",
                );
                self.sink
                    .push(match self.scope.by_name.contains_key(&*name) {
                        true => diagnostic.help(format!("write `{name}`")).fix(
                            span,
                            name,
                            Applicability::Machine,
                        ),
                        false => diagnostic.help("write the name of a job"),
                    });
            }
            ExprKind::Member(base, _)
                if base.inner().as_name().is_some_and(|name| {
                    self.scope.instances.contains(name) || self.file.imports.contains(name)
                }) => {}
            ExprKind::Member(base, name) if self.node_reference(base).is_some() => {
                let job = self.source.slice(base.span);
                self.sink.push(
                    Diagnostic::error(
                        Code::TypeMismatch,
                        "a job is waited for, not an output",
                        span,
                        format!("`{}` is an output", name.text),
                    )
                    .help(format!("write `{job}`")),
                );
            }
            ExprKind::Error => {}
            _ => self.sink.push(
                Diagnostic::error(
                    Code::TypeMismatch,
                    "jobs and stages stand here",
                    span,
                    "no job",
                )
                .help(
                    "for example `[build, test]`, or one element of a `for`: `[test[\"linux\"]]`",
                ),
            ),
        }
    }
}
