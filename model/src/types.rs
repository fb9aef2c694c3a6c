//! Types of the pipeline language, and how a value of one is read from text that a step wrote.

use crate::value::{DURATION_UNITS, Float, SIZE_UNITS, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

/// The type of an expression, a parameter or an output.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Text of the pipeline's own.
    String,
    /// Text that came from outside; it may be compared, shown and put into `env`, nothing else.
    Untrusted,
    /// A whole number of 64 bits.
    Int,
    /// A number with a fraction.
    Float,
    /// `true` or `false`.
    Bool,
    /// A length of time.
    Duration,
    /// An amount of data.
    Size,
    /// A share.
    Percent,
    /// A path inside the workspace.
    Path,
    /// Elements of one type.
    List(Box<Type>),
    /// Text keys, values of one type.
    Map(Box<Type>),
    /// One of these words.
    Enum(Vec<String>),
    /// Fields of different types.
    Record(BTreeMap<String, Type>),
    /// Known to workers only; can be bound to `env`, and nothing else.
    Secret,
    /// A variable of the machine that runs the job; can be bound to `env`, and nothing else.
    Inherited,
    /// Something kept of a run.
    Artifact,
    /// A place that is deployed to.
    Environment,
    /// A machine that runs jobs.
    Worker,
    /// Which workers.
    Selector,
    /// Somebody who starts or approves runs.
    Person,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::List(item) => return write!(f, "list({item})"),
            Self::Map(item) => return write!(f, "map({item})"),
            Self::Enum(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
                return write!(f, "enum({})", words.join(", "));
            }
            Self::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|(k, t)| format!("{k}: {t}")).collect();
                return write!(f, "{{ {} }}", fields.join(", "));
            }
            Self::String => "string",
            Self::Untrusted => "untrusted string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Duration => "duration",
            Self::Size => "size",
            Self::Percent => "percent",
            Self::Path => "path",
            Self::Secret => "secret",
            Self::Inherited => "inherited variable",
            Self::Artifact => "artifact",
            Self::Environment => "environment",
            Self::Worker => "worker",
            Self::Selector => "selector",
            Self::Person => "person",
        };
        f.write_str(word)
    }
}

/// Why a text is no value of a type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Not JSON, where every type but `string` is written as JSON.
    #[error("expected {expected} as JSON: {reason}")]
    Json {
        /// The type.
        expected: Type,
        /// What the JSON reader said.
        reason: String,
    },
    /// JSON of another shape.
    #[error("expected {expected}, found {found}")]
    Mismatch {
        /// The type.
        expected: Type,
        /// A short form of what is there.
        found: String,
    },
}

/// How much of a wrong value an error shows, in characters: enough to recognize it.
const FOUND_LIMIT: usize = 60;

impl Type {
    /// Whether values of this type are texts of the author or from outside.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::String | Self::Untrusted | Self::Path | Self::Enum(_) | Self::Person
        )
    }

    /// Reads a value as a step writes it (`name=value`): a `string` as it is, the rest as JSON.
    ///
    /// # Errors
    /// Where the text is no JSON, or JSON of another shape.
    pub fn read(&self, text: &str) -> Result<Value, ReadError> {
        match self {
            Self::String | Self::Untrusted | Self::Path => Ok(Value::text(text)),
            Self::Enum(words) if words.iter().any(|word| word == text) => Ok(Value::text(text)),
            // Written by people far more often than as a JSON string with quotes.
            Self::Duration | Self::Size | Self::Percent => self.read_json(
                &serde_json::Value::String(text.trim_matches('"').to_owned()),
            ),
            _ => {
                let json = serde_json::from_str(text).map_err(|error| ReadError::Json {
                    expected: self.clone(),
                    reason: error.to_string(),
                })?;
                self.read_json(&json)
            }
        }
    }

    /// Reads a value from JSON.
    ///
    /// # Errors
    /// Where the JSON has another shape.
    pub fn read_json(&self, json: &serde_json::Value) -> Result<Value, ReadError> {
        use serde_json::Value as Json;
        let value = match (self, json) {
            (Self::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
            (Self::Int, Json::Number(number)) => number.as_i64().map(Value::Int),
            (Self::Float, Json::Number(number)) => number.as_f64().map(|n| Value::Float(Float(n))),
            (Self::String | Self::Untrusted | Self::Path, Json::String(text)) => {
                Some(Value::text(text))
            }
            (Self::Enum(words), Json::String(text)) => {
                words.contains(text).then(|| Value::text(text))
            }
            (Self::Duration, Json::String(text)) => {
                read_unit(text, &DURATION_UNITS).map(Value::Duration)
            }
            (Self::Size, Json::String(text)) => read_unit(text, &SIZE_UNITS).map(Value::Size),
            (Self::Percent, Json::String(text)) => read_percent(text).map(Value::Percent),
            (Self::List(item), Json::Array(items)) => {
                let items = items.iter().map(|json| item.read_json(json));
                return items.collect::<Result<_, _>>().map(Value::List);
            }
            (Self::Map(item), Json::Object(entries)) => {
                let entries = entries
                    .iter()
                    .map(|(key, json)| Ok((key.clone(), item.read_json(json)?)));
                return entries.collect::<Result<_, _>>().map(Value::Map);
            }
            (Self::Record(fields), Json::Object(entries)) if fields.len() == entries.len() => {
                let fields = fields.iter().map(|(key, ty)| {
                    let json = entries.get(key).unwrap_or(&Json::Null);
                    Ok((key.clone(), ty.read_json(json)?))
                });
                return fields.collect::<Result<_, _>>().map(Value::Map);
            }
            _ => None,
        };
        value.ok_or_else(|| {
            let mut found = json.to_string();
            if let Some((end, _)) = found.char_indices().nth(FOUND_LIMIT) {
                found.truncate(end);
                found.push('…');
            }
            ReadError::Mismatch {
                expected: self.clone(),
                found,
            }
        })
    }
}

/// Reads `10m`, `1.5GiB`: a number that touches its unit. `None` where it is something else or too big.
#[must_use]
pub fn read_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let length = units.iter().find(|(name, _)| *name == unit)?.1;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(length);
    }
    let amount = number.parse::<f64>().ok()? * length as f64;
    (amount >= 0.0 && amount < u64::MAX as f64).then_some(amount as u64)
}

/// Reads `25%` or `12.5%` in hundredths of a percent.
#[must_use]
pub fn read_percent(text: &str) -> Option<u32> {
    let number: f64 = text.strip_suffix('%')?.parse().ok()?;
    let hundredths = (number * 100.0).round();
    (0.0..=1_000_000.0)
        .contains(&hundredths)
        .then_some(hundredths as u32)
}
