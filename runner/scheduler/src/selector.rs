//! `runs_on`, asked of a worker.

use crate::workers::WorkerFacts;
use model::expr::{Expr, Operator, Scope};
use model::ids::NodeId;
use model::value::Value;
use std::fmt::Write as _;

/// A `runs_on` with all that it mentions of its run. Jobs with equal selectors form one class, which
/// is compared with each worker once.
#[derive(Debug, Clone)]
pub(crate) struct Selector {
    expr: Expr,
    vars: Vec<(String, Value)>,
    outputs: Vec<(NodeId, String, Value)>,
    run: Vec<(String, Value)>,
}

impl Selector {
    pub(crate) fn new(expr: &Expr, scope: &dyn Scope) -> Self {
        let mut selector = Self {
            expr: expr.clone(),
            vars: Vec::new(),
            outputs: Vec::new(),
            run: Vec::new(),
        };
        expr.visit(&mut |part| match part {
            Expr::Var(name) => {
                let value = scope.var(name);
                selector
                    .vars
                    .extend(value.map(|value| (name.clone(), value)));
            }
            Expr::Output { job, name } => {
                let value = scope.output(*job, name);
                let value = value.map(|value| (*job, name.clone(), value));
                selector.outputs.extend(value);
            }
            Expr::Run(field) => {
                let value = scope.run(field);
                selector
                    .run
                    .extend(value.map(|value| (field.clone(), value)));
            }
            _ => {}
        });
        selector
    }

    /// Whether it mentions nothing of its run.
    pub(crate) fn is_closed(&self) -> bool {
        self.vars.is_empty() && self.outputs.is_empty() && self.run.is_empty()
    }

    /// The same for equal selectors.
    pub(crate) fn key(&self) -> String {
        let mut key = format!("{:?}", self.expr);
        if !self.is_closed() {
            // Writing to a string doesn't fail.
            let _ = write!(key, "{:?}{:?}{:?}", self.vars, self.outputs, self.run);
        }
        key
    }

    /// Whether a worker is meant. What can't be evaluated for it (it has no such fact) doesn't match.
    pub(crate) fn matches(&self, worker: &WorkerFacts) -> bool {
        self.holds(&self.expr, worker)
    }

    fn holds(&self, expr: &Expr, worker: &WorkerFacts) -> bool {
        let scope = Asked {
            selector: self,
            worker,
        };
        expr.eval_bool(&scope).unwrap_or(false)
    }

    /// The only worker that it can mean, where it says `worker.name == …`.
    pub(crate) fn named_worker(&self) -> Option<&str> {
        conditions(&self.expr).into_iter().find_map(|condition| {
            let Expr::Binary(Operator::Equal, left, right) = condition else {
                return None;
            };
            match (&**left, &**right) {
                (Expr::Worker(fact), other) | (other, Expr::Worker(fact)) if fact == "name" => {
                    self.known_text(other)
                }
                _ => None,
            }
        })
    }

    fn known_text<'a>(&'a self, expr: &'a Expr) -> Option<&'a str> {
        let value = match expr {
            Expr::Const(value) => value,
            Expr::Var(name) => {
                let known = self.vars.iter().find(|(known, _)| known == name);
                known.map(|(_, value)| value)?
            }
            _ => return None,
        };
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// How near a worker comes: how many of the conditions don't hold, and the first of them.
    pub(crate) fn distance(&self, worker: &WorkerFacts) -> (usize, String) {
        let failed = conditions(&self.expr)
            .into_iter()
            .filter(|condition| !self.holds(condition, worker));
        let failed: Vec<_> = failed.collect();
        let first = failed
            .first()
            .map(|condition| self.reason(condition, worker));
        (failed.len(), first.unwrap_or_default())
    }

    fn reason(&self, condition: &Expr, worker: &WorkerFacts) -> String {
        let scope = Asked {
            selector: self,
            worker,
        };
        match condition {
            Expr::HasLabel(label) => match label.eval(&scope) {
                Ok(label) => format!("has no label {label}"),
                Err(error) => error.to_string(),
            },
            Expr::Binary(operator, left, right) => match (&**left, &**right) {
                (Expr::Worker(fact), other) | (other, Expr::Worker(fact)) => {
                    let wanted = other.eval(&scope);
                    match (worker.facts.get(fact), wanted, operator) {
                        (None, ..) => format!("has no fact `{fact}`"),
                        (Some(is), Ok(wanted), Operator::Equal) => {
                            format!("its {fact} is {is}, not {wanted}")
                        }
                        (Some(is), ..) => format!("its {fact} is {is}"),
                    }
                }
                _ => "another condition does not hold".to_owned(),
            },
            _ => "another condition does not hold".to_owned(),
        }
    }
}

/// The parts that all have to hold: `a and b and c`.
fn conditions(expr: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut todo = vec![expr];
    while let Some(expr) = todo.pop() {
        match expr {
            Expr::Binary(Operator::And, left, right) => todo.extend([&**right, &**left]),
            condition => found.push(condition),
        }
    }
    found
}

/// A selector that is asked about one worker.
struct Asked<'a> {
    selector: &'a Selector,
    worker: &'a WorkerFacts,
}

impl Scope for Asked<'_> {
    fn var(&self, name: &str) -> Option<Value> {
        let mut vars = self.selector.vars.iter();
        vars.find_map(|(known, value)| (known == name).then(|| value.clone()))
    }
    fn output(&self, job: NodeId, name: &str) -> Option<Value> {
        let mut outputs = self.selector.outputs.iter();
        outputs.find_map(|(of, known, value)| (*of == job && known == name).then(|| value.clone()))
    }
    fn run(&self, field: &str) -> Option<Value> {
        let mut fields = self.selector.run.iter();
        fields.find_map(|(known, value)| (known == field).then(|| value.clone()))
    }
    fn worker(&self, fact: &str) -> Option<Value> {
        match fact {
            "name" => Some(Value::text(&self.worker.name)),
            fact => self.worker.facts.get(fact).cloned(),
        }
    }
    fn has_label(&self, label: &str) -> bool {
        self.worker.labels.contains(label)
    }
}
