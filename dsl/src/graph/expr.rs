//! A residual expression as it would be written.

use model::expr::Operator;
use model::{Expr, Plan, Value};

/// The expression in the syntax of a pipeline; names of jobs are those of the plan.
#[must_use]
pub fn written(plan: &Plan, expr: &Expr) -> String {
    let mut text = String::new();
    write(plan, expr, &mut text);
    text
}

fn write(plan: &Plan, expr: &Expr, out: &mut String) {
    match expr {
        Expr::Const(value) => out.push_str(&value.to_string()),
        Expr::Var(name) => out.push_str(name),
        Expr::Output { job, name } => {
            let job = plan
                .nodes
                .get(job.index())
                .map_or("?", |node| node.name.as_str());
            out.extend([job, ".", name]);
        }
        Expr::Run(field) => out.extend(["run.", field]),
        Expr::Worker(fact) => out.extend(["worker.", fact]),
        // A label stands for itself.
        Expr::HasLabel(label) => match &**label {
            Expr::Const(Value::String(_)) => write(plan, label, out),
            other => call(plan, "has", &[other], out),
        },
        Expr::Failed => out.push_str("failed()"),
        Expr::Not(inner) => {
            out.push_str("not ");
            operand(plan, inner, out);
        }
        Expr::Negate(inner) => {
            out.push('-');
            operand(plan, inner, out);
        }
        Expr::Binary(operator, left, right) => {
            operand(plan, left, out);
            out.extend([" ", symbol(*operator), " "]);
            operand(plan, right, out);
        }
        Expr::If(condition, yes, no) => {
            for (word, part) in [("if ", condition), (" then ", yes), (" else ", no)] {
                out.push_str(word);
                operand(plan, part, out);
            }
        }
        Expr::Join(parts) => {
            out.push('"');
            for part in parts {
                match part {
                    Expr::Const(Value::String(text)) => {
                        let quoted = Value::text(text).to_string();
                        out.push_str(&quoted[1..quoted.len() - 1]);
                    }
                    other => {
                        out.push_str("${");
                        write(plan, other, out);
                        out.push('}');
                    }
                }
            }
            out.push('"');
        }
        Expr::List(items) => {
            out.push('[');
            comma_separated(plan, items, out);
            out.push(']');
        }
        Expr::Map(entries) => {
            out.push_str("{ ");
            for (index, (key, value)) in entries.iter().enumerate() {
                out.extend([if index == 0 { "" } else { ", " }, key, " = "]);
                write(plan, value, out);
            }
            out.push_str(" }");
        }
        Expr::Member(base, name) => {
            operand(plan, base, out);
            out.extend([".", name]);
        }
        Expr::Index(base, keys) => match &**base {
            // Outputs are written with the index at the job.
            Expr::Output { job, name } => {
                let job = plan
                    .nodes
                    .get(job.index())
                    .map_or("?", |node| node.name.as_str());
                out.extend([job, "["]);
                comma_separated(plan, keys, out);
                out.extend(["].", name]);
            }
            base => {
                operand(plan, base, out);
                out.push('[');
                comma_separated(plan, keys, out);
                out.push(']');
            }
        },
        Expr::Comprehension {
            item,
            sources,
            filter,
        } => {
            out.push('[');
            write(plan, item, out);
            write_sources(plan, sources, filter.as_deref(), out);
            out.push(']');
        }
        Expr::Range(count) => call(plan, "range", &[count], out),
        Expr::Default(value, otherwise) => call(plan, "default", &[value, otherwise], out),
        Expr::Checked(text, pattern) => {
            call(plan, "checked", &[text, &Expr::text(pattern)], out);
        }
    }
}

/// ` for a in x where c`
pub(super) fn write_sources(
    plan: &Plan,
    sources: &[(String, Expr)],
    filter: Option<&Expr>,
    out: &mut String,
) {
    for (index, (name, list)) in sources.iter().enumerate() {
        out.extend([if index == 0 { " for " } else { ", " }, name, " in "]);
        write(plan, list, out);
    }
    if let Some(filter) = filter {
        out.push_str(" where ");
        write(plan, filter, out);
    }
}

fn call(plan: &Plan, name: &str, arguments: &[&Expr], out: &mut String) {
    out.extend([name, "("]);
    for (index, argument) in arguments.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        write(plan, argument, out);
    }
    out.push(')');
}

fn comma_separated(plan: &Plan, items: &[Expr], out: &mut String) {
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        write(plan, item, out);
    }
}

/// In parentheses, where it is more than one word.
fn operand(plan: &Plan, expr: &Expr, out: &mut String) {
    let is_composed = matches!(expr, Expr::Not(_) | Expr::Binary(..) | Expr::If(..));
    out.push_str(if is_composed { "(" } else { "" });
    write(plan, expr, out);
    out.push_str(if is_composed { ")" } else { "" });
}

fn symbol(operator: Operator) -> &'static str {
    match operator {
        Operator::And => "and",
        Operator::Or => "or",
        Operator::Equal => "==",
        Operator::NotEqual => "!=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::In => "in",
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::NodeId;
    use model::plan::{Event, PLAN_VERSION};
    use std::collections::BTreeMap;

    fn plan() -> Plan {
        Plan {
            version: PLAN_VERSION,
            language: 1,
            pipeline: "p".to_owned(),
            title: None,
            path: "p.gantry".to_owned(),
            event: Event {
                kind: "manual".to_owned(),
                commit: String::new(),
                dirty: false,
                trusted: true,
                fields: BTreeMap::new(),
            },
            params: BTreeMap::new(),
            timeout_ms: None,
            priority: 0,
            fail_fast: false,
            concurrency: None,
            nodes: Vec::new(),
            secrets: Vec::new(),
            unsupported: Vec::new(),
        }
    }

    fn check(expr: &Expr, expected: &str) {
        assert_eq!(written(&plan(), expr), expected);
    }

    #[test]
    fn expressions_read_as_they_are_written() {
        let var = |name: &str| Box::new(Expr::Var(name.to_owned()));
        let both = |left, operator, right| Expr::Binary(operator, left, right);
        check(&both(var("a"), Operator::LessOrEqual, var("b")), "a <= b");
        let or = both(var("a"), Operator::Or, var("b"));
        check(
            &both(Box::new(or.clone()), Operator::And, var("c")),
            "(a or b) and c",
        );
        check(&Expr::Not(Box::new(or)), "not (a or b)");
        check(
            &Expr::If(var("a"), var("b"), var("c")),
            "if a then b else c",
        );
        let join = Expr::Join(vec![Expr::text("say \"x\" "), *var("a")]);
        check(&join, "\"say \\\"x\\\" ${a}\"");
        let index = Expr::Index(var("xs"), vec![*var("a"), Expr::text("b")]);
        check(&index, "xs[a, \"b\"]");
        check(&Expr::Member(var("host"), "name".to_owned()), "host.name");
        check(&Expr::HasLabel(Box::new(Expr::text("linux"))), "\"linux\"");
        check(&Expr::HasLabel(var("system")), "has(system)");
        check(
            &Expr::Checked(var("t"), "[a-z]+".to_owned()),
            "checked(t, \"[a-z]+\")",
        );
        check(
            &Expr::Map([("a".to_owned(), *var("b"))].into()),
            "{ a = b }",
        );
        let comprehension = Expr::Comprehension {
            item: Box::new(Expr::Negate(var("x"))),
            sources: vec![("x".to_owned(), Expr::Range(var("n")))],
            filter: Some(Box::new(Expr::Failed)),
        };
        check(&comprehension, "[-x for x in range(n) where failed()]");
        // An id that is no node's of the plan does no harm.
        let output = Expr::Output {
            job: NodeId(7),
            name: "v".to_owned(),
        };
        check(
            &Expr::Default(Box::new(output), var("a")),
            "default(?.v, a)",
        );
    }
}
