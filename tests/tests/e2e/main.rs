//! End-to-end tests on the real binary, each in a world of its own.
#![cfg(unix)]

mod bad_input;
mod commands;
mod examples;
mod execution;
mod hostile_output;
mod own_pipeline;
mod processes;
mod programs;
mod recorded;
mod secrets;
mod terminal;
mod workspace;
