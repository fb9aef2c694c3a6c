//! Values: how they are written, read and shown.

use model::types::Type;
use model::value::{Float, Value};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn check_display(value: Value, written: &str, in_env: &str) {
    assert_eq!(value.to_string(), written);
    assert_eq!(value.to_text(), in_env);
}

#[test]
fn values_are_shown_as_they_are_written_and_bound_as_scripts_like_them() {
    let map = BTreeMap::from([("a".to_owned(), Value::Int(1))]);
    check_display(Value::Bool(true), "true", "true");
    check_display(Value::Int(-3), "-3", "-3");
    check_display(Value::Float(Float(1.0)), "1.0", "1.0");
    check_display(Value::text("a \"b\"\n"), r#""a \"b\"\n""#, "a \"b\"\n");
    check_display(Value::Duration(600_000), "10m", "10m");
    check_display(Value::Duration(1_500), "1500ms", "1500ms");
    check_display(Value::Duration(0), "0ms", "0ms");
    check_display(Value::Size(512 << 20), "512MiB", "512MiB");
    check_display(Value::Size(1_000), "1KB", "1KB");
    check_display(Value::Percent(2_500), "25%", "25%");
    check_display(Value::Percent(1_250), "12.50%", "12.50%");
    check_display(
        Value::List(vec![Value::text("a"), Value::Int(2)]),
        r#"["a", 2]"#,
        r#"["a",2]"#,
    );
    check_display(Value::Map(map), "{ a = 1 }", r#"{"a":1}"#);
    check_display(
        Value::Secret("token".into()),
        "secret.token",
        "secret.token",
    );
}

#[test]
fn elements_are_called_by_their_values() {
    let key = |values: &[Value]| Value::element_key(values);
    let host = BTreeMap::from([("name".to_owned(), Value::text("web1"))]);
    assert_eq!(key(&[Value::text("linux")]), "linux");
    assert_eq!(
        key(&[Value::text("linux"), Value::text("stable")]),
        r#""linux", "stable""#
    );
    assert_eq!(key(&[Value::Int(3)]), "3");
    assert_eq!(key(&[Value::Map(host)]), "web1");
    // A comma inside an element can't make two keys one.
    assert_ne!(
        key(&[Value::text("a, b"), Value::text("c")]),
        key(&[Value::text("a"), Value::text("b, c")])
    );
}

#[track_caller]
fn check_read(ty: &Type, text: &str, expected: Result<Value, &str>) {
    match (ty.read(text), expected) {
        (Ok(value), Ok(expected)) => assert_eq!(value, expected),
        (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
        (found, expected) => panic!("{text}: found {found:?}, expected {expected:?}"),
    }
}

#[test]
fn outputs_are_read_by_their_type() {
    let strings = Type::List(Box::new(Type::String));
    let colors = Type::Enum(vec!["red".into(), "green".into()]);
    check_read(&Type::String, "  as it is ", Ok(Value::text("  as it is ")));
    check_read(&Type::Int, "42", Ok(Value::Int(42)));
    check_read(&Type::Int, "4.2", Err("expected int, found 4.2"));
    check_read(
        &Type::Int,
        "99999999999999999999",
        Err("expected int, found 1e+20"),
    );
    check_read(
        &Type::Bool,
        "yes",
        Err("expected bool as JSON: expected value at line 1 column 1"),
    );
    check_read(&Type::Duration, "10m", Ok(Value::Duration(600_000)));
    check_read(&Type::Duration, "\"10m\"", Ok(Value::Duration(600_000)));
    check_read(
        &Type::Duration,
        "10",
        Err("expected duration, found \"10\""),
    );
    check_read(&Type::Size, "1.5KiB", Ok(Value::Size(1_536)));
    check_read(
        &Type::Size,
        "99999999999TiB",
        Err("expected size, found \"99999999999TiB\""),
    );
    check_read(&Type::Percent, "12.5%", Ok(Value::Percent(1_250)));
    check_read(&colors, "red", Ok(Value::text("red")));
    check_read(&colors, "\"green\"", Ok(Value::text("green")));
    check_read(
        &colors,
        "\"blue\"",
        Err(r#"expected enum("red", "green"), found "blue""#),
    );
    check_read(
        &strings,
        r#"["a","b"]"#,
        Ok(Value::List(vec![Value::text("a"), Value::text("b")])),
    );
    check_read(&strings, r#"["a",1]"#, Err("expected string, found 1"));
}

#[test]
fn a_long_wrong_value_is_shortened_in_the_message() {
    let error = Type::Int
        .read(&format!("{:?}", "x".repeat(1000)))
        .unwrap_err()
        .to_string();
    assert!(error.len() < 120, "{error}");
}

proptest! {
    #[test]
    fn durations_sizes_and_percents_read_what_they_show(amount in 0..=u64::MAX, share in 0..1_000_000_u32) {
        for value in [Value::Duration(amount), Value::Size(amount)] {
            let ty = if matches!(value, Value::Size(_)) { Type::Size } else { Type::Duration };
            prop_assert_eq!(ty.read(&value.to_string()), Ok(value));
        }
        prop_assert_eq!(Type::Percent.read(&Value::Percent(share).to_string()), Ok(Value::Percent(share)));
    }

    #[test]
    fn reading_hostile_text_gives_an_error_and_no_panic(text in ".*") {
        for ty in [Type::Int, Type::Float, Type::Duration, Type::Size, Type::Percent,
                   Type::List(Box::new(Type::String)), Type::Record(BTreeMap::new())] {
            let _ = ty.read(&text);
        }
    }
}
