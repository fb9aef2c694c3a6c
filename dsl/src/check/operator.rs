//! Operators with two sides.

use super::checker::{Checker, Typed};
use super::coerce::secret_leak;
use super::types::{common, fits, is_never, list, never};
use crate::ast::{self, BinaryOperator, ExprKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::with_article;
use crate::source::Span;
use model::expr::Operator;
use model::{Expr, Type, Value};

impl Checker<'_> {
    /// `a + b + c + …` leans to the left: it is folded in a loop, so that a long chain needs no deep
    /// stack.
    pub(super) fn binary_chain(&mut self, expr: &ast::Expr) -> Typed {
        let mut chain = Vec::new();
        let mut first = expr;
        while let ExprKind::Binary(binary) = &first.kind {
            chain.push((&**binary, first.span));
            first = &binary.left;
        }
        let kinds = self.cx.kinds;
        let mut left: Option<Typed> = None;
        while let Some((binary, span)) = chain.pop() {
            left = Some(self.binary(left, binary, span));
        }
        self.cx.kinds = kinds;
        left.unwrap_or_else(Typed::poison)
    }

    fn binary(&mut self, left: Option<Typed>, binary: &ast::Binary, span: Span) -> Typed {
        match binary.operator {
            BinaryOperator::And | BinaryOperator::Or => self.and_or(left, binary, span),
            BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Multiply => {
                self.arithmetic(left, binary, span)
            }
            BinaryOperator::In => self.within_list(left, binary, span),
            _ => self.comparison(left, binary, span),
        }
    }

    fn and_or(&mut self, left: Option<Typed>, binary: &ast::Binary, span: Span) -> Typed {
        let left = left.unwrap_or_else(|| self.expr(&binary.left, None));
        // The right side is only asked where the left one has not decided: it may rely on it.
        let kinds = self.cx.kinds;
        let (yes, no) = self.narrowed(&binary.left);
        self.cx.kinds = if binary.operator == BinaryOperator::And {
            yes
        } else {
            no
        };
        let right = self.expr(&binary.right, None);
        self.cx.kinds = kinds;
        let other = |typed: &Typed| typed.ty == Type::Selector;
        let (left_selects, right_selects) = (other(&left), other(&right));
        let left = self.logical(left, &binary.left, Some(right_selects));
        let right = self.logical(right, &binary.right, Some(left_selects));
        let (Some(left), Some(right)) = (left, right) else {
            return Typed::poison();
        };
        let selects = left.ty == Type::Selector || right.ty == Type::Selector;
        let ty = if selects { Type::Selector } else { Type::Bool };
        let expr = Expr::Binary(
            operator(binary.operator),
            Box::new(left.expr),
            Box::new(right.expr),
        );
        self.folded(ty, expr, span)
    }

    /// A side of `and`, `or` and `not`: a condition, or in a selector a label.
    pub(super) fn logical(
        &mut self,
        side: Typed,
        source: &ast::Expr,
        beside_selector: Option<bool>,
    ) -> Option<Typed> {
        match &side.ty {
            Type::Bool | Type::Selector => Some(side),
            ty if is_never(ty) => None,
            Type::String | Type::Enum(_) if self.cx.selector || beside_selector == Some(true) => {
                Some(Typed::new(
                    Type::Selector,
                    Expr::HasLabel(Box::new(side.expr)),
                ))
            }
            ty => {
                let diagnostic = Diagnostic::error(
                    Code::OperatorTypes,
                    format!(
                        "expected a condition, found {}",
                        with_article(&ty.to_string())
                    ),
                    source.span,
                    "neither true nor false",
                );
                self.sink.push(match ty {
                    Type::Secret => secret_leak(source.span, "a condition"),
                    Type::List(_) => diagnostic.help("compare it: `x in list`, or `list != []`"),
                    _ => diagnostic.help("compare it with something: `x == \"a\"`"),
                });
                None
            }
        }
    }

    /// Both sides; the one that may be a bare word of an enum is read last.
    fn sides(&mut self, left: Option<Typed>, binary: &ast::Binary) -> (Typed, Typed) {
        if left.is_none() && self.is_bare_word(&binary.left) {
            let right = self.expr(&binary.right, None);
            let want = element_or_self(&right.ty, binary.operator);
            let left = self.expr(&binary.left, Some(&want));
            return (left, right);
        }
        let left = left.unwrap_or_else(|| self.expr(&binary.left, None));
        let want = match binary.operator {
            BinaryOperator::In if matches!(left.ty, Type::Enum(_)) => list(left.ty.clone()),
            BinaryOperator::In => list(never()),
            _ => left.ty.clone(),
        };
        let right = match (&binary.right.inner().kind, &left.ty) {
            // Which word is wrong is said below, for both sides alike.
            (ExprKind::List(items), Type::Enum(_)) if binary.operator == BinaryOperator::In => {
                self.words(items, &left.ty, binary.right.span)
            }
            _ => self.expr(&binary.right, Some(&want)),
        };
        (left, right)
    }

    /// A list of words of an enum.
    fn words(&mut self, items: &[ast::Expr], ty: &Type, span: Span) -> Typed {
        let items = items
            .iter()
            .map(|item| self.expect(item, ty, "this comparison").expr);
        let items = items.collect();
        self.folded(list(ty.clone()), Expr::List(items), span)
    }

    fn is_bare_word(&self, expr: &ast::Expr) -> bool {
        expr.as_name().is_some_and(|name| {
            !self.cx.variables.iter().any(|known| known.name == name)
                && !self.scope.lets.contains_key(name)
        })
    }

    fn comparison(&mut self, left: Option<Typed>, binary: &ast::Binary, span: Span) -> Typed {
        let (left, right) = self.sides(left, binary);
        if self.refused(&left, binary.left.span, &right, binary.right.span) {
            return Typed::poison();
        }
        let asks = |typed: &Typed| matches!(typed.expr, Expr::Worker(_));
        let asks_worker = asks(&left) || asks(&right);
        let ordered = !matches!(
            binary.operator,
            BinaryOperator::Equal | BinaryOperator::NotEqual
        );
        let comparable = match (&left.ty, &right.ty) {
            // The type of a fact that no site file declares is not known.
            (a, b) if is_never(a) || is_never(b) => match asks_worker {
                true => true,
                false => return Typed::poison(),
            },
            (Type::Person, Type::String) | (Type::String, Type::Person) => !ordered,
            (a, b) => match common(a, b) {
                Some(both) => !ordered || is_ordered(&both),
                None => false,
            },
        };
        for (word, words, source) in [
            (&right, &left.ty, &binary.right),
            (&left, &right.ty, &binary.left),
        ] {
            if let (Some(Value::String(text)), Type::Enum(words)) = (word.expr.as_const(), words)
                && fits(&word.ty, &Type::String)
                && !words.is_empty()
                && !words.contains(text)
            {
                self.no_member(text, words, source.span, "this comparison");
                return Typed::poison();
            }
        }
        if !comparable {
            return self.wrong_sides(binary, &left, &right);
        }
        let ty = if asks_worker {
            Type::Selector
        } else {
            Type::Bool
        };
        let expr = Expr::Binary(
            operator(binary.operator),
            Box::new(left.expr),
            Box::new(right.expr),
        );
        self.folded(ty, expr, span)
    }

    fn within_list(&mut self, left: Option<Typed>, binary: &ast::Binary, span: Span) -> Typed {
        let (left, right) = self.sides(left, binary);
        if self.refused(&left, binary.left.span, &right, binary.right.span) {
            return Typed::poison();
        }
        let is_text = fits(&left.ty, &Type::Untrusted);
        let fine = match &right.ty {
            ty if is_never(ty) => return Typed::poison(),
            Type::List(item) => common(&left.ty, item).is_some(),
            Type::Map(_) | Type::Record(_) | Type::String | Type::Untrusted => is_text,
            _ => false,
        };
        if !fine {
            return self.wrong_sides(binary, &left, &right);
        }
        let ty = match left.expr {
            Expr::Worker(_) => Type::Selector,
            _ => Type::Bool,
        };
        let expr = Expr::Binary(Operator::In, Box::new(left.expr), Box::new(right.expr));
        self.folded(ty, expr, span)
    }

    fn arithmetic(&mut self, left: Option<Typed>, binary: &ast::Binary, span: Span) -> Typed {
        let (left, right) = match left {
            Some(left) => {
                let right = self.expr(&binary.right, None);
                (left, right)
            }
            None => (
                self.expr(&binary.left, None),
                self.expr(&binary.right, None),
            ),
        };
        if self.refused(&left, binary.left.span, &right, binary.right.span) {
            return Typed::poison();
        }
        if is_never(&left.ty) || is_never(&right.ty) {
            return Typed::poison();
        }
        match result_of(binary.operator, &left.ty, &right.ty) {
            Some(ty) => {
                let expr = Expr::Binary(
                    operator(binary.operator),
                    Box::new(left.expr),
                    Box::new(right.expr),
                );
                self.folded(ty, expr, span)
            }
            None => self.wrong_sides(binary, &left, &right),
        }
    }

    /// Secrets take part in nothing.
    fn refused(&mut self, left: &Typed, left_span: Span, right: &Typed, right_span: Span) -> bool {
        let mut refused = false;
        for (side, span) in [(left, left_span), (right, right_span)] {
            if super::types::holds(&side.ty, &Type::Secret) {
                self.sink.push(secret_leak(span, "an operator"));
                refused = true;
            } else if side.ty == Type::Inherited {
                self.sink.push(
                    Diagnostic::error(
                        Code::OperatorTypes,
                        "an inherited variable can't be used by an operator",
                        span,
                        "known on the machine that runs the job only",
                    )
                    .help("bind it in `env`, and let the script decide"),
                );
                refused = true;
            }
        }
        refused
    }

    fn wrong_sides(&mut self, binary: &ast::Binary, left: &Typed, right: &Typed) -> Typed {
        let symbol = binary.operator.text();
        let diagnostic = Diagnostic::error(
            Code::OperatorTypes,
            format!(
                "`{symbol}` does not take {} and {}",
                with_article(&left.ty.to_string()),
                with_article(&right.ty.to_string())
            ),
            binary.operator_span,
            "not between these two",
        )
        .label(binary.left.span, with_article(&left.ty.to_string()))
        .label(binary.right.span, with_article(&right.ty.to_string()));
        self.sink
            .push(match (binary.operator, &left.ty, &right.ty) {
                (BinaryOperator::Add, Type::String | Type::Untrusted, _)
                | (BinaryOperator::Add, _, Type::String | Type::Untrusted) => {
                    diagnostic.help("put values into a text with `${…}`: `\"${a} b\"`")
                }
                (BinaryOperator::In, ..) => diagnostic.help(
                    "`in` looks for an element in a list, a key in a map, or a text in a text",
                ),
                (_, Type::Duration, Type::Int) | (_, Type::Int, Type::Duration) => {
                    diagnostic.help("a duration has a unit: `10s`, `10m`")
                }
                _ => diagnostic.help("both sides must have the same type"),
            });
        Typed::poison()
    }
}

fn element_or_self(ty: &Type, operator: BinaryOperator) -> Type {
    match (operator, ty) {
        (BinaryOperator::In, Type::List(item)) => (**item).clone(),
        (BinaryOperator::In, _) => never(),
        (_, ty) => ty.clone(),
    }
}

fn is_ordered(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Int
            | Type::Float
            | Type::Duration
            | Type::Size
            | Type::Percent
            | Type::String
            | Type::Untrusted
    )
}

fn result_of(operator: BinaryOperator, left: &Type, right: &Type) -> Option<Type> {
    use BinaryOperator::{Add, Multiply};
    let text = |ty: &Type| fits(ty, &Type::Untrusted);
    match (left, right) {
        (Type::Int, Type::Int) => Some(Type::Int),
        (Type::Int | Type::Float, Type::Int | Type::Float) => Some(Type::Float),
        (Type::Duration, Type::Duration) if operator != Multiply => Some(Type::Duration),
        (Type::Size, Type::Size) if operator != Multiply => Some(Type::Size),
        (Type::Duration, Type::Int) | (Type::Int, Type::Duration) if operator == Multiply => {
            Some(Type::Duration)
        }
        (Type::Size, Type::Int) | (Type::Int, Type::Size) if operator == Multiply => {
            Some(Type::Size)
        }
        (a, b) if operator == Add && text(a) && text(b) => {
            let outside = *a == Type::Untrusted || *b == Type::Untrusted;
            Some(if outside {
                Type::Untrusted
            } else {
                Type::String
            })
        }
        (Type::List(_), Type::List(_)) if operator == Add => common(left, right),
        _ => None,
    }
}

fn operator(operator: BinaryOperator) -> Operator {
    match operator {
        BinaryOperator::Or => Operator::Or,
        BinaryOperator::And => Operator::And,
        BinaryOperator::Equal => Operator::Equal,
        BinaryOperator::NotEqual => Operator::NotEqual,
        BinaryOperator::Less => Operator::Less,
        BinaryOperator::LessOrEqual => Operator::LessOrEqual,
        BinaryOperator::Greater => Operator::Greater,
        BinaryOperator::GreaterOrEqual => Operator::GreaterOrEqual,
        BinaryOperator::In => Operator::In,
        BinaryOperator::Add => Operator::Add,
        BinaryOperator::Subtract => Operator::Subtract,
        BinaryOperator::Multiply => Operator::Multiply,
    }
}
