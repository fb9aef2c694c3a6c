//! Residual expressions: what they give, and that they always end.

use model::expr::{EvalError, Expr, NoScope, Operator, Scope, apply, combinations};
use model::ids::NodeId;
use model::value::{Float, Value};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A run in which job 1 gave `tags = ["a", "b"]`, `n = 3` and, per system, `path`.
struct Run;

impl Scope for Run {
    fn var(&self, name: &str) -> Option<Value> {
        (name == "system").then(|| Value::text("linux"))
    }
    fn output(&self, job: NodeId, name: &str) -> Option<Value> {
        match (job, name) {
            (NodeId(1), "tags") => Some(list(["a", "b"])),
            (NodeId(1), "n") => Some(Value::Int(3)),
            (NodeId(1), "path") => Some(Value::Map(BTreeMap::from([
                ("linux".to_owned(), Value::text("/usr")),
                (r#""linux", 2"#.to_owned(), Value::text("/two")),
            ]))),
            _ => None,
        }
    }
    fn run(&self, field: &str) -> Option<Value> {
        (field == "id").then_some(Value::Int(17))
    }
    fn failed(&self) -> bool {
        true
    }
    fn has_label(&self, label: &str) -> bool {
        label == "docker"
    }
}

fn list<const N: usize>(texts: [&str; N]) -> Value {
    Value::List(texts.into_iter().map(Value::text).collect())
}
fn var(name: &str) -> Expr {
    Expr::Var(name.to_owned())
}
fn int(number: i64) -> Expr {
    Expr::Const(Value::Int(number))
}
fn output(name: &str) -> Expr {
    Expr::Output {
        job: NodeId(1),
        name: name.to_owned(),
    }
}
fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    Expr::Binary(operator, Box::new(left), Box::new(right))
}

#[track_caller]
fn check(expr: &Expr, expected: Result<Value, &str>) {
    let found = expr.eval(&Run).map_err(|error| error.to_string());
    assert_eq!(found, expected.map_err(str::to_owned), "{expr:?}");
}

#[test]
fn expressions_give_what_the_run_knows() {
    check(&output("n"), Ok(Value::Int(3)));
    check(&output("gone"), Err("the output `gone` is absent"));
    check(
        &Expr::Default(Box::new(output("gone")), Box::new(int(7))),
        Ok(Value::Int(7)),
    );
    check(&Expr::Run("id".into()), Ok(Value::Int(17)));
    check(&Expr::Failed, Ok(Value::Bool(true)));
    check(
        &Expr::HasLabel(Box::new(Expr::text("docker"))),
        Ok(Value::Bool(true)),
    );
    check(
        &Expr::Join(vec![
            Expr::text("dist/"),
            var("system"),
            Expr::text("-"),
            output("n"),
        ]),
        Ok(Value::text("dist/linux-3")),
    );
    check(
        &Expr::Index(Box::new(output("tags")), vec![int(1)]),
        Ok(Value::text("b")),
    );
    check(
        &Expr::Index(Box::new(output("tags")), vec![int(2)]),
        Err("there is no element `2`"),
    );
    check(
        &Expr::Index(Box::new(output("tags")), vec![int(-1)]),
        Err("there is no element `-1`"),
    );
    check(
        &Expr::Index(Box::new(output("path")), vec![var("system")]),
        Ok(Value::text("/usr")),
    );
    check(
        &Expr::Index(Box::new(output("path")), vec![var("system"), int(2)]),
        Ok(Value::text("/two")),
    );
}

#[test]
fn both_sides_of_and_or_are_evaluated_only_where_needed() {
    let absent = || binary(Operator::Equal, output("gone"), int(1));
    let truth = |value| Expr::Const(Value::Bool(value));
    check(
        &binary(Operator::And, truth(false), absent()),
        Ok(Value::Bool(false)),
    );
    check(
        &binary(Operator::Or, truth(true), absent()),
        Ok(Value::Bool(true)),
    );
    check(
        &binary(Operator::And, truth(true), absent()),
        Err("the output `gone` is absent"),
    );
}

#[test]
fn operators_take_what_fits_and_refuse_the_rest() {
    use Operator as Op;
    let ok = |operator, left, right, expected| {
        assert_eq!(apply(operator, left, right), Ok(expected));
    };
    ok(
        Op::Add,
        Value::text("a"),
        Value::text("b"),
        Value::text("ab"),
    );
    ok(
        Op::Add,
        Value::Int(1),
        Value::Float(Float(0.5)),
        Value::Float(Float(1.5)),
    );
    ok(
        Op::Equal,
        Value::Int(1),
        Value::Float(Float(1.0)),
        Value::Bool(true),
    );
    ok(
        Op::Multiply,
        Value::Int(2),
        Value::Duration(500),
        Value::Duration(1_000),
    );
    ok(Op::Subtract, Value::Size(3), Value::Size(1), Value::Size(2));
    ok(
        Op::In,
        Value::text("a"),
        list(["a", "b"]),
        Value::Bool(true),
    );
    ok(
        Op::Less,
        Value::Duration(1),
        Value::Duration(2),
        Value::Bool(true),
    );
    let overflow = |operator, left, right| {
        assert!(matches!(
            apply(operator, left, right),
            Err(EvalError::Overflow { .. })
        ));
    };
    overflow(Op::Add, Value::Int(i64::MAX), Value::Int(1));
    overflow(Op::Subtract, Value::Duration(1), Value::Duration(2));
    overflow(Op::Multiply, Value::Duration(1), Value::Int(-1));
    overflow(
        Op::Multiply,
        Value::Float(Float(f64::MAX)),
        Value::Float(Float(2.0)),
    );
    assert!(matches!(
        apply(Op::Add, Value::Bool(true), Value::Int(1)),
        Err(EvalError::Shape { .. })
    ));
}

#[test]
fn a_check_matches_from_end_to_end() {
    let checked = |text: &str, pattern: &str| {
        Expr::Checked(Box::new(Expr::text(text)), pattern.to_owned())
            .eval(&NoScope)
            .is_ok()
    };
    assert!(checked("feature-1", "[a-z]+-[0-9]+"));
    assert!(!checked("feature-1; rm -rf /", "[a-z]+-[0-9]+"));
    assert!(!checked("feature-1\n", "[a-z]+-[0-9]+"));
    assert!(checked("b", "a|b"));
    assert!(!checked("ax", "a|b"));
    // Neither a damaged pattern nor one that would close the group matches anything.
    assert!(!checked("a", "("));
    assert!(!checked("axxx", "a)|(b"));
}

#[test]
fn combinations_go_outermost_first_and_are_filtered() {
    let sources = vec![
        ("a".to_owned(), Expr::Const(list(["x", "y"]))),
        ("n".to_owned(), Expr::Range(Box::new(int(2)))),
    ];
    let filter = binary(
        Operator::Or,
        binary(Operator::NotEqual, var("a"), Expr::text("y")),
        binary(Operator::Equal, var("n"), int(1)),
    );
    let found = combinations(&sources, Some(&filter), &NoScope).unwrap();
    let keys: Vec<_> = found
        .iter()
        .map(|values| Value::element_key(values))
        .collect();
    assert_eq!(keys, [r#""x", 0"#, r#""x", 1"#, r#""y", 1"#]);
    // A later source sees the earlier variables.
    let sources = vec![
        (
            "n".to_owned(),
            Expr::Const(Value::List(vec![Value::Int(2)])),
        ),
        ("m".to_owned(), Expr::Range(Box::new(var("n")))),
    ];
    assert_eq!(combinations(&sources, None, &NoScope).unwrap().len(), 2);
}

#[test]
fn growth_is_bounded() {
    let many = || Expr::Range(Box::new(int(2_000)));
    let sources = vec![("a".to_owned(), many()), ("b".to_owned(), many())];
    assert_eq!(
        combinations(&sources, None, &NoScope),
        Err(EvalError::TooLong)
    );
    // What keeps nothing ends as well, and so does what is nested in the item.
    let nothing = Expr::Const(Value::Bool(false));
    assert_eq!(
        combinations(&sources, Some(&nothing), &NoScope),
        Err(EvalError::TooLong)
    );
    let inner = Expr::Comprehension {
        item: Box::new(int(1)),
        sources: vec![("b".to_owned(), many())],
        filter: Some(Box::new(nothing)),
    };
    let nested = Expr::Comprehension {
        item: Box::new(inner),
        sources: vec![("a".to_owned(), many())],
        filter: None,
    };
    assert_eq!(nested.eval(&NoScope), Err(EvalError::TooLong));
    check(
        &Expr::Range(Box::new(int(i64::MAX))),
        Err("the value has more than 1048576 elements or bytes"),
    );
    let mut doubled = Expr::text("0123456789abcdef");
    for _ in 0..30 {
        doubled = Expr::Join(vec![doubled.clone(), doubled]);
        if doubled.eval(&NoScope).is_err() {
            return;
        }
    }
    panic!("never refused");
}

fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(int),
        ".{0,8}".prop_map(Expr::text),
        any::<bool>().prop_map(|value| Expr::Const(Value::Bool(value))),
        any::<u64>().prop_map(|ms| Expr::Const(Value::Duration(ms))),
        Just(var("system")),
        Just(output("tags")),
        Just(output("gone")),
        Just(Expr::Failed),
    ];
    let operator = prop_oneof![
        Just(Operator::And),
        Just(Operator::Equal),
        Just(Operator::Less),
        Just(Operator::In),
        Just(Operator::Add),
        Just(Operator::Subtract),
        Just(Operator::Multiply)
    ];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            (operator.clone(), inner.clone(), inner.clone()).prop_map(|(o, a, b)| binary(o, a, b)),
            inner.clone().prop_map(|a| Expr::Negate(Box::new(a))),
            inner.clone().prop_map(|a| Expr::Range(Box::new(a))),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| Expr::If(
                Box::new(a),
                Box::new(b),
                Box::new(c)
            )),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Expr::Join),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Expr::List),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Expr::Index(Box::new(a), vec![b])),
            (inner.clone(), inner).prop_map(|(a, b)| Expr::Default(Box::new(a), Box::new(b))),
        ]
    })
}

proptest! {
    #[test]
    fn evaluation_never_panics_and_is_the_same_twice(expr in any_expr()) {
        prop_assert_eq!(expr.eval(&Run), expr.eval(&Run));
    }

    #[test]
    fn an_expression_survives_its_encoding(expr in any_expr()) {
        let json = serde_json::to_string(&expr).unwrap();
        prop_assert_eq!(serde_json::from_str::<Expr>(&json).unwrap(), expr);
    }
}
