//! Why a message is refused, and where in it.

use std::convert::Infallible;
use thiserror::Error;

/// A message of a peer that says nothing this build can act on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` {problem}")]
pub struct ConvertError {
    /// The field, from the message inwards: `spec.steps[2].action`.
    pub path: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// It has to be there; a newer peer may also have sent a variant that this build doesn't know.
    #[error("is missing, or of a kind that this build doesn't know")]
    Missing,
    /// A number that stands for no variant.
    #[error("has the unknown value {0}")]
    Unknown(i32),
    /// A count from 1 that is 0.
    #[error("is 0, where numbers begin at 1")]
    Zero,
    /// A text that should be JSON of a certain shape.
    #[error("is no valid value: {0}")]
    Json(String),
    /// A value of a kind that may not stand there.
    #[error("may not be {0}")]
    Forbidden(&'static str),
    /// A path of this machine that has no form on the wire.
    #[error("is not UTF-8: {0}")]
    NotUtf8(String),
}

impl ConvertError {
    /// An error at a field.
    pub fn new(path: impl Into<String>, problem: Problem) -> Self {
        Self {
            path: path.into(),
            problem,
        }
    }

    /// The same error seen from a message that holds the field's one as `outer`.
    #[must_use]
    pub fn within(mut self, outer: impl AsRef<str>) -> Self {
        let outer = outer.as_ref();
        self.path = match self.path.is_empty() {
            true => outer.to_owned(),
            false => format!("{outer}.{}", self.path),
        };
        self
    }
}

impl From<Infallible> for ConvertError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Converts a field that has to be there.
///
/// # Errors
/// Where it is missing or wrong in itself; the error's path begins with `path`.
pub fn required<W, T>(field: Option<W>, path: &str) -> Result<T, ConvertError>
where
    T: TryFrom<W, Error: Into<ConvertError>>,
{
    let field = field.ok_or_else(|| ConvertError::new(path, Problem::Missing))?;
    T::try_from(field).map_err(|error| error.into().within(path))
}

/// Converts every element of a list.
pub(super) fn each<W, T>(fields: Vec<W>, path: &str) -> Result<Vec<T>, ConvertError>
where
    T: TryFrom<W, Error: Into<ConvertError>>,
{
    fields
        .into_iter()
        .enumerate()
        .map(|(n, field)| {
            T::try_from(field).map_err(|error| error.into().within(format!("{path}[{n}]")))
        })
        .collect()
}

/// Reads JSON that stands in a text field.
pub(super) fn json<T: serde::de::DeserializeOwned>(
    text: &str,
    path: impl FnOnce() -> String,
) -> Result<T, ConvertError> {
    serde_json::from_str(text)
        .map_err(|error| ConvertError::new(path(), Problem::Json(error.to_string())))
}
