//! The pipeline language: text to AST to checked to plan; schema, diagnostics, graph.

pub mod ast;
pub mod check;
pub mod diagnostic;
pub mod graph;
pub mod parse;
pub mod plan;
pub mod schema;
pub mod source;
pub mod text;

mod names;

pub use check::{Checked, Site, check, check_with};
pub use plan::{Commit, CommitError, PlanRequest};
