//! What is known is computed at once, within bounds: no pipeline text makes a check slow or big.

use super::checker::{Checker, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use model::expr::{EvalError, NoScope, Operator};
use model::{Expr, Value};
use std::collections::BTreeSet;

/// How many elements and texts the expressions of a pipeline may make in all; each mention of a `let`
/// counts with its whole size. Far more than the largest plan needs, and reached within a second.
pub(crate) const MAX_WORK: usize = 2_000_000;

/// How many elements one value may have, all its lists and maps together.
pub(crate) const MAX_ELEMENTS: usize = 100_000;

/// What begins the name of a variable that stands for something that only a plan knows; no variable
/// of a pipeline can be called so.
const UNKNOWN: char = '@';

/// Stands for a value that is not known while checking.
pub(super) fn unknown(what: &str) -> Expr {
    Expr::Var(format!("{UNKNOWN}{what}"))
}

/// Whether it stands for what has been reported.
fn is_nothing(expr: &Expr) -> bool {
    matches!(expr, Expr::Var(name) if name.strip_prefix(UNKNOWN) == Some("?"))
}

/// Whether the value is left to the run: it depends on an output, an element, or the run itself.
pub(super) fn is_left_to_run(expr: &Expr) -> bool {
    let mut open = false;
    expr.visit(&mut |part| {
        open |= match part {
            Expr::Var(name) => !name.starts_with(UNKNOWN),
            Expr::Output { .. }
            | Expr::Run(_)
            | Expr::Worker(_)
            | Expr::HasLabel(_)
            | Expr::Failed => true,
            _ => false,
        };
    });
    open
}

/// Whether it can be computed now. Variables that a comprehension within it binds are no obstacle.
fn is_closed(expr: &Expr) -> bool {
    is_closed_but_for(expr, &BTreeSet::new())
}

/// Whether it can be computed as soon as these variables have values.
pub(super) fn is_closed_but_for(expr: &Expr, names: &BTreeSet<&str>) -> bool {
    let mut bound: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut free = Vec::new();
    let mut closed = true;
    expr.visit(&mut |part| match part {
        Expr::Comprehension { sources, .. } => {
            bound.extend(sources.iter().map(|(name, _)| name.clone()));
        }
        Expr::Var(name) => free.push(name.clone()),
        Expr::Output { .. } | Expr::Run(_) | Expr::Worker(_) | Expr::HasLabel(_) | Expr::Failed => {
            closed = false;
        }
        _ => {}
    });
    closed && free.iter().all(|name| bound.contains(name))
}

/// How many values it consists of; a long text counts as several.
pub(super) fn weight(value: &Value) -> usize {
    const TEXT_PER_ELEMENT: usize = 64;
    match value {
        Value::List(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Map(entries) => 1 + entries.values().map(weight).sum::<usize>(),
        Value::String(text) => 1 + text.len() / TEXT_PER_ELEMENT,
        _ => 1,
    }
}

/// How much memory an expression takes, in parts and elements.
pub(super) fn size(expr: &Expr) -> usize {
    let mut parts = 0;
    expr.visit(&mut |part| {
        parts += match part {
            Expr::Const(value) => weight(value),
            _ => 1,
        };
    });
    parts
}

fn weight_of_parts(expr: &Expr) -> usize {
    let mut sum = 0;
    expr.visit(&mut |part| {
        if let Expr::Const(value) = part {
            sum += weight(value);
        }
    });
    sum
}

impl Checker<'_> {
    /// Computes what can be computed. A mistake in it is said at `span`.
    pub(super) fn fold(&mut self, expr: Expr, span: Span) -> Expr {
        let expr = match simplified(expr) {
            Ok(done) => return done,
            Err(open) => open,
        };
        let parts_known = match &expr {
            Expr::Comprehension { .. } => is_closed(&expr),
            other => children_are_const(other),
        };
        if !parts_known {
            return expr;
        }
        if !self.spend(work(&expr), span) {
            return unknown("?");
        }
        match expr.eval(&NoScope) {
            Ok(value) => Expr::Const(value),
            Err(error) => {
                self.no_value(&error, span);
                unknown("?")
            }
        }
    }

    /// Counts work; `false` where it is too much.
    pub(super) fn spend(&mut self, work: usize, span: Span) -> bool {
        if work > MAX_ELEMENTS {
            self.sink.push(
                Diagnostic::error(
                    Code::ValueTooBig,
                    format!("a value may have {MAX_ELEMENTS} elements"),
                    span,
                    "more than that",
                )
                .help("keep what is larger in a file, and let the steps read it"),
            );
            return false;
        }
        let before = self.spent;
        self.spent = self.spent.saturating_add(work);
        if self.spent > MAX_WORK {
            if before <= MAX_WORK {
                self.sink.push(
                    Diagnostic::error(
                        Code::ValueTooBig,
                        format!("the expressions of a pipeline may make {MAX_WORK} values in all"),
                        span,
                        "more than that, counted up to here",
                    )
                    .help("keep large data in files, and let the steps read them"),
                );
            }
            return false;
        }
        true
    }

    pub(super) fn folded(&mut self, ty: model::Type, expr: Expr, span: Span) -> Typed {
        match self.fold(expr, span) {
            // What has no value has been reported: what depends on it isn't again.
            expr if is_nothing(&expr) => Typed::poison(),
            expr => Typed::new(ty, expr),
        }
    }

    fn no_value(&mut self, error: &EvalError, span: Span) {
        let diagnostic = Diagnostic::error(
            Code::NoValue,
            format!("this has no value: {error}"),
            span,
            "computed here",
        );
        self.sink.push(match error {
            EvalError::Overflow { .. } => {
                diagnostic.help("numbers have 64 bits; durations and sizes are not negative")
            }
            EvalError::NoElement { .. } => {
                diagnostic.help("lists count from 0; a map has the keys that it was given")
            }
            EvalError::NoMatch { .. } => {
                diagnostic.help("the expression must match the text from end to end")
            }
            _ => diagnostic,
        });
    }
}

/// What is decided by one side alone: `false and x`.
fn simplified(expr: Expr) -> Result<Expr, Expr> {
    let known = |expr: &Expr| match expr {
        Expr::Const(Value::Bool(value)) => Some(*value),
        _ => None,
    };
    match expr {
        Expr::Const(_) | Expr::Var(_) => Ok(expr),
        Expr::Binary(operator @ (Operator::And | Operator::Or), left, right) => {
            let decides = operator == Operator::Or;
            match (known(&left), known(&right)) {
                (Some(value), _) if value == decides => Ok(*left),
                (Some(_), _) => Ok(*right),
                (_, Some(value)) if value == decides => Ok(*right),
                (_, Some(_)) => Ok(*left),
                _ => Err(Expr::Binary(operator, left, right)),
            }
        }
        Expr::If(condition, yes, no) => match known(&condition) {
            Some(true) => Ok(*yes),
            Some(false) => Ok(*no),
            None => Err(Expr::If(condition, yes, no)),
        },
        Expr::Default(value, _) if value.as_const().is_some() => Ok(*value),
        other => Err(other),
    }
}

fn children_are_const(expr: &Expr) -> bool {
    let known = |expr: &Expr| matches!(expr, Expr::Const(_));
    match expr {
        Expr::Not(inner)
        | Expr::Negate(inner)
        | Expr::Range(inner)
        | Expr::Member(inner, _)
        | Expr::Checked(inner, _) => known(inner),
        Expr::Binary(_, left, right) => known(left) && known(right),
        Expr::Join(parts) | Expr::List(parts) => parts.iter().all(known),
        Expr::Map(entries) => entries.values().all(known),
        Expr::Index(base, keys) => known(base) && keys.iter().all(known),
        _ => false,
    }
}

/// An upper bound on what evaluating it makes.
fn work(expr: &Expr) -> usize {
    match expr {
        Expr::Range(count) => match **count {
            Expr::Const(Value::Int(count)) => usize::try_from(count).unwrap_or(0),
            _ => 0,
        },
        Expr::List(_) | Expr::Map(_) | Expr::Join(_) => weight_of_parts(expr),
        Expr::Binary(Operator::Add, ..) => weight_of_parts(expr),
        Expr::Comprehension {
            item,
            sources,
            filter,
        } => {
            // Each source is run through once for each combination of those before it.
            let rounds = sources.iter().fold(1_usize, |rounds, (_, source)| {
                rounds.saturating_mul(length_of(source).max(1))
            });
            let inner = work_below(item) + filter.as_deref().map_or(0, work_below);
            rounds.saturating_mul(1 + inner)
        }
        _ => 1,
    }
}

/// The most elements that a source can have.
fn length_of(source: &Expr) -> usize {
    match source {
        Expr::Const(Value::List(items)) => items.len(),
        other => work_below(other),
    }
}

/// A bound for an expression that is evaluated once in each round.
fn work_below(expr: &Expr) -> usize {
    let mut sum = 0_usize;
    expr.visit(&mut |part| {
        sum = sum.saturating_add(match part {
            Expr::Const(value) => weight(value),
            Expr::Comprehension { .. } => work(part),
            // How many is not known before it is evaluated.
            Expr::Range(_) => 1_000,
            _ => 1,
        });
    });
    sum
}
