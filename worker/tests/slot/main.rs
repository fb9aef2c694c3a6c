//! A slot process from outside: real programs, real trees, told by frames what to do.

mod commands;
mod hooks;
mod kit;
mod outputs;
mod steps;
#[cfg(unix)]
mod trees;
