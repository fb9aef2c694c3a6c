//! Values of the pipeline language. Each has one canonical encoding and a total order, so that plans,
//! cache keys and traces are the same for the same input.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

/// A value that is known. Whether a text came from outside (`untrusted`) is a matter of its type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(Float),
    /// A text; also a member of an enum, a path, a person.
    String(String),
    /// A length of time, in milliseconds.
    Duration(u64),
    /// An amount of data, in bytes.
    Size(u64),
    /// A share, in hundredths of a percent.
    Percent(u32),
    /// A list; all elements have one type.
    List(Vec<Value>),
    /// A map or a record.
    Map(BTreeMap<String, Value>),
    /// The secret of this name. Its text is known to workers only.
    Secret(String),
    /// The environment variable of this name of the machine that runs the job (`inherit("NAME")`).
    Inherit(String),
}

/// A float with a total order; never NaN when it comes from a pipeline.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Float(pub f64);

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Float {}
impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Float {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// The value as a script sees it in its environment: texts as they are, lists and maps as JSON,
    /// the rest as it is written in a pipeline. Secrets and inherited variables have no text here.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::String(text) => text.clone(),
            Self::List(_) | Self::Map(_) => self.to_json().to_string(),
            other => other.to_string(),
        }
    }

    /// The value as JSON. Durations, sizes and percents are texts as in a pipeline.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::Float(value) => Json::from(value.0),
            Self::String(text) => Json::String(text.clone()),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_json()))
                    .collect(),
            ),
            other => Json::String(other.to_string()),
        }
    }

    /// How an element of a fan-out is called by its values: the text of a single one, several as
    /// JSON joined by `, ` (so `"linux", "stable"`). This is also the key in a map of outputs.
    #[must_use]
    pub fn element_key(values: &[Value]) -> String {
        match values {
            [Self::Map(record)] if record.contains_key("name") => record["name"].to_text(),
            [single] => single.to_text(),
            several => several
                .iter()
                .map(|value| value.to_json().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

/// As it would be written in a pipeline; texts are quoted.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => write!(f, "{:?}", value.0),
            Self::String(text) => write!(f, "{}", serde_json::Value::String(text.clone())),
            Self::Duration(ms) => write_unit(f, *ms, &DURATION_UNITS),
            Self::Size(bytes) => write_unit(f, *bytes, &SIZE_UNITS),
            Self::Percent(hundredths) if hundredths.is_multiple_of(100) => {
                write!(f, "{}%", hundredths / 100)
            }
            Self::Percent(hundredths) => {
                write!(f, "{}.{:02}%", hundredths / 100, hundredths % 100)
            }
            Self::List(items) => {
                f.write_str("[")?;
                for (n, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if n == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{ ")?;
                for (n, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key} = {value}", if n == 0 { "" } else { ", " })?;
                }
                f.write_str(" }")
            }
            Self::Secret(name) => write!(f, "secret.{name}"),
            Self::Inherit(name) => write!(f, "inherit({name:?})"),
        }
    }
}

/// Units of durations with their length in milliseconds, longest first.
pub const DURATION_UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Units of sizes with their length in bytes, longest first.
pub const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// Writes with the longest unit that divides the amount.
fn write_unit(f: &mut fmt::Formatter<'_>, amount: u64, units: &[(&str, u64)]) -> fmt::Result {
    let smallest = units[units.len() - 1];
    let &(unit, length) = units
        .iter()
        .find(|(_, length)| amount > 0 && amount.is_multiple_of(*length))
        .unwrap_or(&smallest);
    write!(f, "{}{unit}", amount / length)
}
