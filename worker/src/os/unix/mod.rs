//! Linux: process groups, the child subreaper, `/proc`, and pipes.

mod processes;
pub(crate) mod strays;
