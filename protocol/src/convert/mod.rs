//! Conversions between the messages of the wire and the model's types, by hand and in both
//! directions. Towards the wire they always succeed unless they say otherwise; from the wire they fail
//! with the path of the field that is wrong.

mod error;
mod facts;
mod lease;
mod message;
mod outcome;
mod source;
mod spec;
mod step;

pub use error::{ConvertError, Problem, required};
pub use facts::{facts_from_wire, facts_to_wire, outputs_from_wire, outputs_to_wire};
pub use lease::Lease;
pub use source::Source;
