//! Windows: Job Objects, a console without a window, and pipes.

mod host;
mod job;
mod program;
pub(crate) mod strays;
mod tree;

pub(crate) use host::Host;
pub(crate) use program::{
    base_variables, find_program, home_variables, text_from_bytes, tmp_variables,
};
pub(crate) use tree::Tree;
