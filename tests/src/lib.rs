//! The kit of the end-to-end tests and of the benchmarks: a world of its own for each test, the
//! real binary in it, and what is needed to look at both from outside.

pub mod kit;
