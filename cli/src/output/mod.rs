//! What people and programs are shown: events of a run go to one of several interchangeable printers.

mod excerpt;
mod failure;
mod human;
mod json;
mod live;
mod log;
mod palette;
mod phrase;
mod plain;
mod sanitize;
mod screen;
mod summary;
pub mod text;
mod view;

#[cfg(test)]
pub(crate) mod testing;

pub use excerpt::Excerpt;
pub use human::Human;
pub use json::Json;
pub use log::{LineSplitter, Logs};
pub use palette::{Palette, can_redraw};
pub use plain::Plain;

use model::event::Event;
use model::ids::RunId;
use std::io;
use text::shell_word;

/// Shows the events of one run. Times are milliseconds of a clock that never jumps and starts
/// anywhere; tests use the events' own.
pub trait Printer {
    /// Something happened.
    fn event(&mut self, event: &Event, now_ms: u64) -> io::Result<()>;

    /// Something that people should know at once, and that is no event of the run.
    fn note(&mut self, text: &str) -> io::Result<()>;

    /// Time has passed: called about every [`TICK_MS`] milliseconds.
    fn tick(&mut self, now_ms: u64) -> io::Result<()>;

    /// No event is waiting: what was printed has to be seen now.
    fn flush(&mut self) -> io::Result<()>;
}

/// The one ticker's pace: ten times a second, so that seconds pass smoothly and the terminal hardly
/// notices.
pub const TICK_MS: u64 = 100;

/// What printers for people need beside the events.
#[derive(Debug, Clone)]
pub struct Display {
    /// Colors, or none.
    pub palette: Palette,
    /// The logs that events speak of.
    pub logs: Logs,
    /// What was given as `--store`, so that the commands which are shown can be copied.
    pub store: Option<String>,
}

impl Display {
    /// The command that shows a whole log.
    #[must_use]
    pub fn logs_command(&self, run: RunId, job: &str) -> String {
        let store = match &self.store {
            Some(store) => format!(" --store {}", shell_word(store)),
            None => String::new(),
        };
        format!("gantry logs{store} {run} {}", shell_word(job))
    }
}
