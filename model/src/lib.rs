//! Gantry's data: ids, values, plans, job specs, residual expressions and their evaluator, states,
//! outcomes and events. No IO, no async: every other crate speaks these types.

pub mod event;
pub mod expr;
pub mod ids;
pub mod outcome;
pub mod plan;
pub mod resolve;
pub mod spec;
pub mod types;
pub mod value;

pub use event::{Event, EventKind};
pub use expr::{EvalError, Expr, Scope};
pub use ids::{AttemptId, JobId, NodeId, RunId, Token, WorkerId};
pub use outcome::{Failure, Outcome, SkipReason};
pub use plan::{Node, Plan};
pub use spec::JobSpec;
pub use types::Type;
pub use value::Value;
