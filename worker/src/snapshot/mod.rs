//! A read-only copy of a source tree, taken once per run.
