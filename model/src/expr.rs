//! Residual expressions: what a plan leaves to be decided while a run is going, because it depends on
//! an output, on the element of a fan-out or on the worker. A typed, total tree: the checker of `dsl`
//! makes only well-typed ones, evaluation always ends, and it is bounded.

use crate::ids::NodeId;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use thiserror::Error;

/// An expression that is evaluated by the scheduler. Most are [`Expr::Const`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// Known when the plan was made.
    Const(Value),
    /// A variable of a `for` or of a comprehension.
    Var(String),
    /// An output of a job. Where that job is fanned out (and not this one's sibling for the same
    /// element), it is a map by element key; two levels of fan-out are a map of maps.
    Output {
        /// The job.
        job: NodeId,
        /// The declared name of the output.
        name: String,
    },
    /// A field of the run: `run.id`, `run.url`, `run.outcome`.
    Run(String),
    /// A fact of the worker that is asked about, in a selector.
    Worker(String),
    /// Whether the worker that is asked about carries this label, in a selector.
    HasLabel(Box<Expr>),
    /// `failed()`: whether something of the run has failed so far.
    Failed,
    /// `not x`.
    Not(Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// `x op y`.
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// `if c then a else b`; only one side is evaluated.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A string with `${…}`: the texts of its parts, joined.
    Join(Vec<Expr>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{ a = x }`.
    Map(BTreeMap<String, Expr>),
    /// `x.name`.
    Member(Box<Expr>, String),
    /// `x[a]` or `x[a, b]`: an element of a list by number, of a map by the key of these values.
    Index(Box<Expr>, Vec<Expr>),
    /// `[item for a in x, b in y where c]`.
    Comprehension {
        /// What each element becomes.
        item: Box<Expr>,
        /// The variables and what they run over, outermost first.
        sources: Vec<(String, Expr)>,
        /// Which elements are kept.
        filter: Option<Box<Expr>>,
    },
    /// `range(n)`: `[0, …, n - 1]`.
    Range(Box<Expr>),
    /// `default(x, y)`: `y` where `x` is an output that is absent.
    Default(Box<Expr>, Box<Expr>),
    /// `checked(text, regex)`: the text, if the regex matches it from end to end.
    Checked(Box<Expr>, String),
}

/// Operators with two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its symbol")]
pub enum Operator {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
}

/// What an expression may ask about the world.
pub trait Scope {
    /// The value of a `for` variable.
    fn var(&self, name: &str) -> Option<Value>;
    /// An output as [`Expr::Output`] describes it; `None` where the job has not given it.
    fn output(&self, job: NodeId, name: &str) -> Option<Value>;
    /// A field of the run.
    fn run(&self, field: &str) -> Option<Value>;
    /// Whether something of the run has failed so far.
    fn failed(&self) -> bool {
        false
    }
    /// A fact of the worker that is asked about.
    fn worker(&self, _fact: &str) -> Option<Value> {
        None
    }
    /// Whether the worker that is asked about has a label.
    fn has_label(&self, _label: &str) -> bool {
        false
    }
    /// Counts one round of a comprehension; `false` when there were too many.
    fn step(&self) -> bool {
        true
    }
}

/// A scope in which nothing is known: for what is constant.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoScope;

impl Scope for NoScope {
    fn var(&self, _: &str) -> Option<Value> {
        None
    }
    fn output(&self, _: NodeId, _: &str) -> Option<Value> {
        None
    }
    fn run(&self, _: &str) -> Option<Value> {
        None
    }
}

/// Why an expression has no value. These are about data that only the run knows; the checker has
/// excluded the rest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EvalError {
    /// An output that the job did not give.
    #[error("the output `{name}` is absent")]
    AbsentOutput {
        /// Its name.
        name: String,
    },
    /// A name that means nothing here.
    #[error("`{name}` is not known here")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A list or map has no such element.
    #[error("there is no element `{key}`")]
    NoElement {
        /// The key or number asked for.
        key: String,
    },
    /// A value of a shape that the operation does not take.
    #[error("{operation} does not take {found}")]
    Shape {
        /// What was to be done.
        operation: &'static str,
        /// The value, shortened.
        found: String,
    },
    /// A number left its range.
    #[error("the result of {operation} does not fit")]
    Overflow {
        /// What was to be done.
        operation: &'static str,
    },
    /// The text does not match.
    #[error("{text:?} does not match `{pattern}`")]
    NoMatch {
        /// The text, shortened.
        text: String,
        /// The pattern.
        pattern: String,
    },
    /// More elements or text than [`VALUE_LIMIT`].
    #[error("the value has more than {VALUE_LIMIT} elements or bytes")]
    TooBig,
    /// More rounds of a comprehension than [`STEP_LIMIT`].
    #[error("the comprehension has more than {STEP_LIMIT} rounds")]
    TooLong,
}

/// The most elements of a list and bytes of a text that an expression may make: far more than any
/// pipeline needs, far less than would harm a runner.
pub const VALUE_LIMIT: usize = 1 << 20;

/// The most rounds of a comprehension, all that is nested in it included: a filter that keeps nothing
/// would otherwise go on for ever without making anything big.
pub const STEP_LIMIT: u32 = 1 << 18;

impl Expr {
    /// A constant text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Const(Value::text(text))
    }

    /// The value, where it was known when the plan was made.
    #[must_use]
    pub fn as_const(&self) -> Option<&Value> {
        match self {
            Self::Const(value) => Some(value),
            _ => None,
        }
    }

    /// Evaluates the expression.
    ///
    /// # Errors
    /// Where the run's data do not fit; see [`EvalError`].
    pub fn eval(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        match self {
            Self::Const(value) => Ok(value.clone()),
            Self::Var(name) => scope.var(name).ok_or_else(|| unknown(name)),
            Self::Output { job, name } => scope
                .output(*job, name)
                .ok_or_else(|| EvalError::AbsentOutput { name: name.clone() }),
            Self::Run(field) => scope.run(field).ok_or_else(|| unknown(field)),
            Self::Worker(fact) => scope.worker(fact).ok_or_else(|| unknown(fact)),
            Self::HasLabel(label) => Ok(Value::Bool(
                scope.has_label(&text("has", label.eval(scope)?)?),
            )),
            Self::Failed => Ok(Value::Bool(scope.failed())),
            Self::Not(inner) => Ok(Value::Bool(!boolean("not", inner.eval(scope)?)?)),
            Self::Negate(inner) => negate(inner.eval(scope)?),
            Self::Binary(operator, left, right) => binary(*operator, left, right, scope),
            Self::If(condition, yes, no) => {
                let chosen = if boolean("if", condition.eval(scope)?)? {
                    yes
                } else {
                    no
                };
                chosen.eval(scope)
            }
            Self::Join(parts) => {
                let mut joined = String::new();
                for part in parts {
                    joined.push_str(&part.eval(scope)?.to_text());
                    bounded(joined.len())?;
                }
                Ok(Value::String(joined))
            }
            Self::List(items) => {
                let items = items.iter().map(|item| item.eval(scope));
                items.collect::<Result<_, _>>().map(Value::List)
            }
            Self::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), value.eval(scope)?)));
                entries.collect::<Result<_, _>>().map(Value::Map)
            }
            Self::Member(base, name) => match base.eval(scope)? {
                Value::Map(mut fields) => fields
                    .remove(name)
                    .ok_or_else(|| EvalError::NoElement { key: name.clone() }),
                other => Err(shape("a member", &other)),
            },
            Self::Index(base, keys) => {
                let keys = keys
                    .iter()
                    .map(|key| key.eval(scope))
                    .collect::<Result<Vec<_>, _>>()?;
                index(base.eval(scope)?, &keys)
            }
            Self::Comprehension {
                item,
                sources,
                filter,
            } => {
                let mut items = Vec::new();
                let here = Bound {
                    outer: scope,
                    bindings: &[],
                    steps: &Cell::new(0),
                };
                comprehend(item, sources, filter.as_deref(), &here, &mut items)?;
                Ok(Value::List(items))
            }
            Self::Range(count) => match count.eval(scope)? {
                Value::Int(count) if count >= 0 => {
                    bounded(usize::try_from(count).unwrap_or(usize::MAX))?;
                    Ok(Value::List((0..count).map(Value::Int).collect()))
                }
                other => Err(shape("range", &other)),
            },
            Self::Default(value, otherwise) => match value.eval(scope) {
                Err(EvalError::AbsentOutput { .. }) => otherwise.eval(scope),
                result => result,
            },
            Self::Checked(inner, pattern) => check(text("checked", inner.eval(scope)?)?, pattern),
        }
    }

    /// Evaluates what the checker has found to be a `bool`.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub fn eval_bool(&self, scope: &dyn Scope) -> Result<bool, EvalError> {
        boolean("a condition", self.eval(scope)?)
    }

    /// Evaluates and gives the text that a script would see.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub fn eval_text(&self, scope: &dyn Scope) -> Result<String, EvalError> {
        self.eval(scope).map(|value| value.to_text())
    }

    /// Calls `visit` for this expression and all below it, parents first.
    pub fn visit(&self, visit: &mut dyn FnMut(&Expr)) {
        visit(self);
        match self {
            Self::Const(_)
            | Self::Var(_)
            | Self::Output { .. }
            | Self::Run(_)
            | Self::Worker(_)
            | Self::Failed => {}
            Self::HasLabel(inner)
            | Self::Not(inner)
            | Self::Negate(inner)
            | Self::Range(inner)
            | Self::Member(inner, _)
            | Self::Checked(inner, _) => inner.visit(visit),
            Self::Binary(_, left, right) | Self::Default(left, right) => {
                left.visit(visit);
                right.visit(visit);
            }
            Self::If(condition, yes, no) => {
                for part in [condition, yes, no] {
                    part.visit(visit);
                }
            }
            Self::Join(parts) | Self::List(parts) => {
                for part in parts {
                    part.visit(visit);
                }
            }
            Self::Map(entries) => {
                for value in entries.values() {
                    value.visit(visit);
                }
            }
            Self::Index(base, keys) => {
                base.visit(visit);
                for key in keys {
                    key.visit(visit);
                }
            }
            Self::Comprehension {
                item,
                sources,
                filter,
            } => {
                for (_, source) in sources {
                    source.visit(visit);
                }
                item.visit(visit);
                if let Some(filter) = filter {
                    filter.visit(visit);
                }
            }
        }
    }
}

/// Every combination of the sources' elements that the filter keeps, first source outermost: the
/// elements of a `for`. Each is the list of its variables' values.
///
/// # Errors
/// As [`Expr::eval`].
pub fn combinations(
    sources: &[(String, Expr)],
    filter: Option<&Expr>,
    scope: &dyn Scope,
) -> Result<Vec<Vec<Value>>, EvalError> {
    let names = sources
        .iter()
        .map(|(name, _)| Expr::Var(name.clone()))
        .collect();
    let mut items = Vec::new();
    let here = Bound {
        outer: scope,
        bindings: &[],
        steps: &Cell::new(0),
    };
    comprehend(&Expr::List(names), sources, filter, &here, &mut items)?;
    Ok(items
        .into_iter()
        .map(|item| match item {
            Value::List(values) => values,
            other => vec![other],
        })
        .collect())
}

/// A scope with some more variables.
struct Bound<'a> {
    outer: &'a dyn Scope,
    bindings: &'a [(&'a str, Value)],
    steps: &'a Cell<u32>,
}

impl Scope for Bound<'_> {
    fn var(&self, name: &str) -> Option<Value> {
        let bound = self.bindings.iter().rev().find(|(known, _)| *known == name);
        bound
            .map(|(_, value)| value.clone())
            .or_else(|| self.outer.var(name))
    }
    fn output(&self, job: NodeId, name: &str) -> Option<Value> {
        self.outer.output(job, name)
    }
    fn run(&self, field: &str) -> Option<Value> {
        self.outer.run(field)
    }
    fn failed(&self) -> bool {
        self.outer.failed()
    }
    fn worker(&self, fact: &str) -> Option<Value> {
        self.outer.worker(fact)
    }
    fn has_label(&self, label: &str) -> bool {
        self.outer.has_label(label)
    }
    fn step(&self) -> bool {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        steps < STEP_LIMIT && self.outer.step()
    }
}

fn comprehend(
    item: &Expr,
    sources: &[(String, Expr)],
    filter: Option<&Expr>,
    scope: &Bound<'_>,
    items: &mut Vec<Value>,
) -> Result<(), EvalError> {
    let Some(((name, source), rest)) = sources.split_first() else {
        if filter.map_or(Ok(true), |filter| filter.eval_bool(scope))? {
            items.push(item.eval(scope)?);
            bounded(items.len())?;
        }
        return Ok(());
    };
    let elements = match source.eval(scope)? {
        Value::List(elements) => elements,
        other => return Err(shape("for", &other)),
    };
    for element in elements {
        if !scope.step() {
            return Err(EvalError::TooLong);
        }
        let mut bindings = scope.bindings.to_vec();
        bindings.push((name, element));
        let inner = Bound {
            outer: scope.outer,
            bindings: &bindings,
            steps: scope.steps,
        };
        comprehend(item, rest, filter, &inner, items)?;
    }
    Ok(())
}

fn binary(
    operator: Operator,
    left: &Expr,
    right: &Expr,
    scope: &dyn Scope,
) -> Result<Value, EvalError> {
    let left = left.eval(scope)?;
    // The right side of these two is evaluated only where it matters, so that `x != "" and y[x]` works.
    match (operator, &left) {
        (Operator::And, Value::Bool(false)) | (Operator::Or, Value::Bool(true)) => return Ok(left),
        _ => {}
    }
    apply(operator, left, right.eval(scope)?)
}

/// Applies an operator to two known values.
///
/// # Errors
/// Where the values have a shape that the operator does not take, or the result does not fit.
pub fn apply(operator: Operator, left: Value, right: Value) -> Result<Value, EvalError> {
    use Operator as Op;
    let (left, right) = widened(left, right);
    Ok(Value::Bool(match operator {
        Op::And | Op::Or => return boolean("and/or", right).map(Value::Bool),
        Op::Equal => left == right,
        Op::NotEqual => left != right,
        Op::Less => left < right,
        Op::LessOrEqual => left <= right,
        Op::Greater => left > right,
        Op::GreaterOrEqual => left >= right,
        Op::In => match right {
            Value::List(items) => items.contains(&left),
            Value::Map(entries) => entries.contains_key(&left.to_text()),
            Value::String(text) => text.contains(&left.to_text()),
            other => return Err(shape("in", &other)),
        },
        Op::Add | Op::Subtract | Op::Multiply => return arithmetic(operator, left, right),
    }))
}

/// An int beside a float is taken as a float.
fn widened(left: Value, right: Value) -> (Value, Value) {
    use crate::value::Float;
    match (left, right) {
        (Value::Int(a), Value::Float(b)) => (Value::Float(Float(a as f64)), Value::Float(b)),
        (Value::Float(a), Value::Int(b)) => (Value::Float(a), Value::Float(Float(b as f64))),
        same => same,
    }
}

fn arithmetic(operator: Operator, left: Value, right: Value) -> Result<Value, EvalError> {
    use crate::value::Float;
    use Operator::{Add, Multiply, Subtract};
    let operation = match operator {
        Add => "+",
        Subtract => "-",
        _ => "*",
    };
    let unsigned = |a: u64, b: u64| match operator {
        Add => a.checked_add(b),
        Subtract => a.checked_sub(b),
        _ => a.checked_mul(b),
    };
    let fits = match (left, right) {
        (Value::Int(a), Value::Int(b)) => match operator {
            Add => a.checked_add(b),
            Subtract => a.checked_sub(b),
            _ => a.checked_mul(b),
        }
        .map(Value::Int),
        (Value::Float(Float(a)), Value::Float(Float(b))) => {
            let result = match operator {
                Add => a + b,
                Subtract => a - b,
                _ => a * b,
            };
            result.is_finite().then_some(Value::Float(Float(result)))
        }
        (Value::Duration(a), Value::Duration(b)) if operator != Multiply => {
            unsigned(a, b).map(Value::Duration)
        }
        (Value::Size(a), Value::Size(b)) if operator != Multiply => unsigned(a, b).map(Value::Size),
        (Value::Duration(a), Value::Int(b)) | (Value::Int(b), Value::Duration(a))
            if operator == Multiply =>
        {
            u64::try_from(b)
                .ok()
                .and_then(|b| unsigned(a, b))
                .map(Value::Duration)
        }
        (Value::Size(a), Value::Int(b)) | (Value::Int(b), Value::Size(a))
            if operator == Multiply =>
        {
            u64::try_from(b)
                .ok()
                .and_then(|b| unsigned(a, b))
                .map(Value::Size)
        }
        (Value::String(a), Value::String(b)) if operator == Add => {
            bounded(a.len() + b.len())?;
            Some(Value::String(a + &b))
        }
        (Value::List(mut a), Value::List(b)) if operator == Add => {
            bounded(a.len() + b.len())?;
            a.extend(b);
            Some(Value::List(a))
        }
        (left, _) => return Err(shape(operation, &left)),
    };
    fits.ok_or(EvalError::Overflow { operation })
}

fn negate(value: Value) -> Result<Value, EvalError> {
    use crate::value::Float;
    match value {
        Value::Int(number) => number
            .checked_neg()
            .map(Value::Int)
            .ok_or(EvalError::Overflow { operation: "-" }),
        Value::Float(Float(number)) => Ok(Value::Float(Float(-number))),
        other => Err(shape("-", &other)),
    }
}

fn index(base: Value, keys: &[Value]) -> Result<Value, EvalError> {
    let key = Value::element_key(keys);
    let missing = || EvalError::NoElement { key: key.clone() };
    match (base, keys) {
        (Value::List(mut items), [Value::Int(number)]) => {
            let number = usize::try_from(*number).map_err(|_| missing())?;
            if number < items.len() {
                Ok(items.swap_remove(number))
            } else {
                Err(missing())
            }
        }
        (Value::Map(mut entries), _) => entries.remove(&key).ok_or_else(missing),
        (other, _) => Err(shape("an index", &other)),
    }
}

fn check(text: String, pattern: &str) -> Result<Value, EvalError> {
    if whole_match(pattern).is_ok_and(|pattern| pattern.is_match(&text)) {
        return Ok(Value::String(text));
    }
    Err(EvalError::NoMatch {
        text: shortened(&text),
        pattern: pattern.to_owned(),
    })
}

/// The pattern of a `checked(…)`, compiled so that it matches from end to end only.
///
/// # Errors
/// Where it is no regular expression.
pub fn whole_match(pattern: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    // Alone first: `a)|(b` would compile inside the group and escape the anchors.
    regex_lite::Regex::new(pattern)?;
    regex_lite::Regex::new(&format!("^(?:{pattern})$"))
}

fn boolean(operation: &'static str, value: Value) -> Result<bool, EvalError> {
    match value {
        Value::Bool(value) => Ok(value),
        other => Err(shape(operation, &other)),
    }
}

fn text(operation: &'static str, value: Value) -> Result<String, EvalError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(shape(operation, &other)),
    }
}

fn unknown(name: &str) -> EvalError {
    EvalError::Unknown {
        name: name.to_owned(),
    }
}

fn shape(operation: &'static str, found: &Value) -> EvalError {
    EvalError::Shape {
        operation,
        found: shortened(&found.to_string()),
    }
}

fn bounded(size: usize) -> Result<(), EvalError> {
    if size > VALUE_LIMIT {
        Err(EvalError::TooBig)
    } else {
        Ok(())
    }
}

/// The first characters of a text, for messages.
fn shortened(text: &str) -> String {
    const LIMIT: usize = 60;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
