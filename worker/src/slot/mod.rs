//! The slot process (`gantry slot`): runs one job at a time, for as long as its worker lives.
//!
//! A worker starts each slot as a child and speaks frames with it over the child's standard input and
//! output: two pipes that both systems have, that need no path and no permission, and that end with
//! either side. End of file on the input means that the worker is gone; the slot then ends the tree of
//! its steps, and itself. A slot that outlives its worker will speak the same frames over a socket.
//!
//! Inside, one thread reads commands, and one runs the job: it alone starts steps, reads their output,
//! masks it, writes the log, and ends what they leave behind. There is no async runtime here.

pub mod client;
mod config;
mod frame;

pub use config::Config;
