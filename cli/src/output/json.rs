//! For programs: each event on a line of its own, as `docs/json-events.md` describes them.

use super::Printer;
use model::event::Event;
use std::io::{self, Write};

/// Prints events as JSON lines.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
}

impl<W: Write> Json<W> {
    /// Prints to `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Printer for Json<W> {
    fn event(&mut self, event: &Event, _now_ms: u64) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, event)?;
        self.out.write_all(b"\n")
    }

    /// Programs see what a note tells people as events: the run ends as canceled.
    fn note(&mut self, _text: &str) -> io::Result<()> {
        Ok(())
    }

    fn tick(&mut self, _now_ms: u64) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
