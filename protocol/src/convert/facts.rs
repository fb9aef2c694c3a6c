//! Maps of values: a worker's facts, and what a job gave.

use super::error::{ConvertError, Problem, json};
use model::value::Value;
use std::collections::BTreeMap;

/// A worker's facts for the wire: each value in the model's own encoding, so that a size stays a size.
#[must_use]
pub fn facts_to_wire(facts: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    facts
        .iter()
        .map(|(name, value)| {
            let text = serde_json::json!(value).to_string();
            (name.clone(), text)
        })
        .collect()
}

/// A worker's facts from the wire.
///
/// # Errors
/// Where one is no value, or one that only a pipeline may name (a secret, an inherited variable).
pub fn facts_from_wire(
    facts: BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>, ConvertError> {
    facts
        .into_iter()
        .map(|(name, text)| {
            let path = || format!("facts[{name:?}]");
            let value = json(&text, path)?;
            match is_plain(&value) {
                true => Ok((name, value)),
                false => Err(ConvertError::new(
                    path(),
                    Problem::Forbidden("a secret or an inherited variable"),
                )),
            }
        })
        .collect()
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Secret(_) | Value::Inherit(_) => false,
        Value::List(items) => items.iter().all(is_plain),
        Value::Map(entries) => entries.values().all(is_plain),
        _ => true,
    }
}

/// The outputs of an attempt for the wire. They are plain JSON: the runner knows the types from the
/// plan and checks against them.
#[must_use]
pub fn outputs_to_wire(outputs: &BTreeMap<String, serde_json::Value>) -> BTreeMap<String, String> {
    outputs
        .iter()
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect()
}

/// The outputs of an attempt from the wire.
///
/// # Errors
/// Where one is no JSON.
pub fn outputs_from_wire(
    outputs: BTreeMap<String, String>,
) -> Result<BTreeMap<String, serde_json::Value>, ConvertError> {
    outputs
        .into_iter()
        .map(|(name, text)| {
            let value = json(&text, || format!("outputs[{name:?}]"))?;
            Ok((name, value))
        })
        .collect()
}
