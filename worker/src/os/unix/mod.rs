//! Linux: process groups, the child subreaper, `/proc`, and pipes.

mod cgroup;
mod host;
mod processes;
mod program;
pub(crate) mod strays;
mod tree;

pub(crate) use host::Host;
pub(crate) use program::{
    base_variables, find_program, home_variables, text_from_bytes, tmp_variables,
};
pub(crate) use tree::Tree;
