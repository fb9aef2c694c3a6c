//! The pipeline language: text to AST to checked to plan; schema, diagnostics, graph.
