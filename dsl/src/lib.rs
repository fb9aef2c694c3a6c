//! The pipeline language: text to AST to checked to plan; schema, diagnostics, graph.

pub mod ast;
pub mod diagnostic;
pub mod parse;
pub mod schema;
pub mod source;

mod names;
pub mod text;
