//! Expressions: each gets its type, is computed as far as it is known, and what is left becomes a
//! residual expression of the plan.

use super::checker::{Checker, Typed, Variable};
use super::coerce::secret_leak;
use super::fold::unknown;
use super::types::{common, is_never, is_scalar, list, never};
use crate::ast::{self, ExprKind, Number, UnaryOperator};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::with_article;
use crate::source::Span;
use crate::text::{self, Part};
use model::value::Float;
use model::{Expr, Type, Value};
use std::collections::BTreeMap;

impl<'a> Checker<'a> {
    /// The expression with its type. `want` is what its place expects: it decides what bare names,
    /// empty lists and JSON files are, but whether the type fits is not looked at here.
    pub(super) fn expr(&mut self, expr: &ast::Expr, want: Option<&Type>) -> Typed {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Text(text) => self.string(text),
            ExprKind::Number(number) => self.number(*number),
            ExprKind::Bool(value) => Typed::value(Type::Bool, Value::Bool(*value)),
            ExprKind::Name(name) => self.name(name, span, want),
            ExprKind::List(items) => self.list(items, span, want),
            ExprKind::Comprehension(comprehension) => self.comprehension(comprehension, span, want),
            ExprKind::Map(entries) => self.map(entries, span, want),
            ExprKind::Member(base, name) => self.member(base, name, span),
            ExprKind::Index(base, keys) => self.index(base, keys, span),
            ExprKind::Call(callee, arguments) => self.call(callee, arguments, span, want),
            ExprKind::Unary(unary) => self.unary(unary, span, want),
            ExprKind::Binary(_) => self.binary_chain(expr),
            ExprKind::If(choice) => self.choice(choice, span, want),
            ExprKind::Paren(inner) => self.expr(inner, want),
            ExprKind::Error => Typed::poison(),
        }
    }

    fn number(&mut self, number: Number) -> Typed {
        match number {
            Number::Int(value) => Typed::value(Type::Int, Value::Int(value)),
            Number::Float(value) => Typed::value(Type::Float, Value::Float(Float(value))),
            Number::Duration(length) => {
                let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
                Typed::value(Type::Duration, Value::Duration(ms))
            }
            Number::Size(bytes) => Typed::value(Type::Size, Value::Size(bytes)),
            Number::Percent(hundredths) => Typed::value(Type::Percent, Value::Percent(hundredths)),
        }
    }

    /// A string, with what its `${…}` hold.
    fn string(&mut self, text: &ast::Text) -> Typed {
        let parts = match text::string(text) {
            Ok(parts) => parts,
            Err(diagnostics) => {
                self.sink.extend(diagnostics);
                return Typed::poison();
            }
        };
        let mut ty = Type::String;
        let mut joined = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Literal(literal) => joined.push(Expr::text(literal)),
                Part::Expr(expr) => {
                    let part = self.joined_part(&expr);
                    if part.ty == Type::Untrusted {
                        ty = Type::Untrusted;
                    }
                    joined.push(part.expr);
                }
            }
        }
        match joined.as_slice() {
            [] => Typed::value(ty, Value::text("")),
            [Expr::Const(Value::String(_))] => Typed::new(ty, joined.swap_remove(0)),
            _ => self.folded(ty, Expr::Join(joined), text.span),
        }
    }

    fn joined_part(&mut self, expr: &ast::Expr) -> Typed {
        // A label stands for itself here, even within a selector.
        let part = self.nested_plain(|checker| checker.expr(expr, None));
        if part.ty == Type::Secret {
            self.sink.push(secret_leak(expr.span, "a text"));
            return Typed::poison();
        }
        if !is_scalar(&part.ty) {
            self.sink.push(
                Diagnostic::error(
                    Code::TypeMismatch,
                    format!(
                        "{} can't be put into a text",
                        with_article(&part.ty.to_string())
                    ),
                    expr.span,
                    "this has no text of its own",
                )
                .help(match part.ty {
                    Type::Inherited => "bind it in `env`, and let the script read it",
                    _ => "take one element of it, or bind it in `env`, where it is JSON",
                }),
            );
            return Typed::poison();
        }
        part
    }

    /// Outside of a selector, though with the same variables.
    pub(super) fn nested_plain<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let selector = std::mem::replace(&mut self.cx.selector, false);
        let result = run(self);
        self.cx.selector = selector;
        result
    }

    fn list(&mut self, items: &[ast::Expr], span: Span, want: Option<&Type>) -> Typed {
        let want_item = match want {
            Some(Type::List(item)) if !is_never(item) => Some(&**item),
            _ => None,
        };
        let mut ty = never();
        let mut exprs = Vec::with_capacity(items.len());
        for item in items {
            let item_typed = self.expr(item, want_item);
            let item_typed = match want_item {
                // Each is looked at by itself, so that the one that is wrong is underlined.
                Some(want_item) => self.coerce(item_typed, item, want_item, "the list"),
                None => item_typed,
            };
            match common(&ty, &item_typed.ty) {
                Some(both) => ty = both,
                None => {
                    self.sink.push(
                        Diagnostic::error(
                            Code::TypeMismatch,
                            format!(
                                "expected {}, found {}",
                                with_article(&ty.to_string()),
                                with_article(&item_typed.ty.to_string())
                            ),
                            item.span,
                            "the elements of a list have one type",
                        )
                        .label(
                            items[0].span,
                            format!("{} here", with_article(&ty.to_string())),
                        ),
                    );
                    return Typed::new(list(never()), unknown("?"));
                }
            }
            exprs.push(item_typed.expr);
        }
        let ty = want_item.map_or(ty, Type::clone);
        self.folded(list(ty), Expr::List(exprs), span)
    }

    fn map(&mut self, entries: &[ast::Entry], span: Span, want: Option<&Type>) -> Typed {
        let mut fields = BTreeMap::new();
        let mut exprs = BTreeMap::new();
        for entry in entries {
            let Some(key) = super::shape::key_text(&entry.key, &mut self.sink) else {
                continue;
            };
            let want_field = match want {
                Some(Type::Map(item)) => Some(&**item),
                Some(Type::Record(fields)) => fields.get(&key),
                _ => None,
            };
            if let (Some(Type::Record(known)), None) = (want, want_field) {
                self.sink.unknown(
                    Code::UnknownField,
                    format!("there is no field `{key}` here"),
                    &key,
                    entry.key.span(),
                    known.keys().map(String::as_str),
                );
                return Typed::poison();
            }
            let value = match want_field {
                Some(want) => self.expect(&entry.value, want, &format!("`{key}`")),
                None => self.expr(&entry.value, None),
            };
            if exprs.insert(key.clone(), value.expr).is_some() {
                self.sink.push(
                    Diagnostic::error(
                        Code::DuplicateSetting,
                        format!("`{key}` is set twice"),
                        entry.key.span(),
                        "set again here",
                    )
                    .help("keep one of them"),
                );
            }
            fields.insert(key, value.ty);
        }
        let ty = match want {
            Some(Type::Map(item)) => Type::Map(item.clone()),
            _ => Type::Record(fields),
        };
        self.folded(ty, Expr::Map(exprs), span)
    }

    fn comprehension(
        &mut self,
        comprehension: &ast::Comprehension,
        span: Span,
        want: Option<&Type>,
    ) -> Typed {
        let outer = self.cx.variables.len();
        let sources = self.sources(&comprehension.fan_out.sources);
        let filter = comprehension
            .fan_out
            .filter
            .as_ref()
            .map(|filter| self.expect(filter, &Type::Bool, "`where`").expr);
        let want_item = match want {
            Some(Type::List(item)) if !is_never(item) => Some(&**item),
            _ => None,
        };
        let item = match want_item {
            Some(want) => self.expect(&comprehension.item, want, "the list"),
            None => self.expr(&comprehension.item, None),
        };
        self.cx.variables.truncate(outer);
        let expr = Expr::Comprehension {
            item: Box::new(item.expr),
            sources,
            filter: filter.map(Box::new),
        };
        self.folded(list(item.ty), expr, span)
    }

    /// The lists of a `for`; its variables are known from here on.
    pub(super) fn sources(&mut self, sources: &[ast::Source]) -> Vec<(String, Expr)> {
        let mut lists = Vec::with_capacity(sources.len());
        for source in sources {
            let mut list = self.expr(&source.list, None);
            let item = match &list.ty {
                Type::List(item) => (**item).clone(),
                ty if is_never(ty) => never(),
                ty => {
                    let diagnostic = Diagnostic::error(
                        Code::NotAList,
                        format!(
                            "`for` goes through a list, not {}",
                            with_article(&ty.to_string())
                        ),
                        source.list.span,
                        "not a list",
                    );
                    self.sink.push(match ty {
                        Type::Int => diagnostic.help("for the numbers from 0 write `range(n)`"),
                        Type::Secret => diagnostic.help("a secret can only be put into `env`"),
                        _ => diagnostic.help("put it in brackets: `for x in [a, b]`"),
                    });
                    list.expr = unknown("?");
                    never()
                }
            };
            self.variable(&source.name, item);
            lists.push((source.name.text.to_string(), list.expr));
        }
        lists
    }

    /// Defines a variable; none may hide another name.
    fn variable(&mut self, name: &ast::Name, ty: Type) {
        let text = &*name.text;
        let hidden = if crate::schema::ROOTS.contains(&text) {
            Some("it means the same everywhere")
        } else if self.cx.variables.iter().any(|known| known.name == text) {
            Some("a variable of a `for` around it is called so")
        } else if self.scope.lets.contains_key(text) {
            Some("a `let` is called so")
        } else if self.scope.by_name.contains_key(text) {
            Some("a job or stage is called so")
        } else {
            None
        };
        if let Some(why) = hidden {
            self.sink.push(
                Diagnostic::error(
                    Code::NameHides,
                    format!("the variable `{text}` would hide another name"),
                    name.span,
                    why,
                )
                .help("no name may hide another: choose another one"),
            );
        }
        self.cx.variables.push(Variable {
            name: text.to_owned(),
            ty,
        });
    }

    fn unary(&mut self, unary: &ast::Unary, span: Span, want: Option<&Type>) -> Typed {
        match unary.operator {
            UnaryOperator::Not => {
                let inner = self.expr(&unary.operand, None);
                self.logical(inner, &unary.operand, None)
                    .map_or_else(Typed::poison, |inner| {
                        self.folded(inner.ty, Expr::Not(Box::new(inner.expr)), span)
                    })
            }
            UnaryOperator::Negate => {
                let inner = self.expr(&unary.operand, want);
                if !matches!(inner.ty, Type::Int | Type::Float) && !is_never(&inner.ty) {
                    self.sink.push(
                        Diagnostic::error(
                            Code::OperatorTypes,
                            format!(
                                "`-` needs a number, not {}",
                                with_article(&inner.ty.to_string())
                            ),
                            unary.operand.span,
                            "not a number",
                        )
                        .help("only an `int` or a `float` can be negative"),
                    );
                    return Typed::poison();
                }
                self.folded(inner.ty, Expr::Negate(Box::new(inner.expr)), span)
            }
        }
    }

    fn choice(&mut self, choice: &ast::If, span: Span, want: Option<&Type>) -> Typed {
        let condition =
            self.nested_plain(|checker| checker.expect(&choice.condition, &Type::Bool, "`if`"));
        let kinds = self.cx.kinds;
        let (then, otherwise) = self.narrowed(&choice.condition);
        self.cx.kinds = then;
        let yes = self.expr(&choice.yes, want);
        self.cx.kinds = otherwise;
        let no = self.expr(&choice.no, want);
        self.cx.kinds = kinds;
        let Some(ty) = common(&yes.ty, &no.ty) else {
            self.sink.push(
                Diagnostic::error(
                    Code::TypeMismatch,
                    "both sides of an `if` have one type",
                    choice.no.span,
                    with_article(&no.ty.to_string()),
                )
                .label(choice.yes.span, with_article(&yes.ty.to_string()))
                .help("write both sides in the same type"),
            );
            return Typed::poison();
        };
        let expr = Expr::If(
            Box::new(condition.expr),
            Box::new(yes.expr),
            Box::new(no.expr),
        );
        self.folded(ty, expr, span)
    }
}
