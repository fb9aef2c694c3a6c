//! For programs: each event on a line of its own, as `docs/json-events.md` describes them.

use super::Printer;
use super::text::one_line;
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

    /// A note is for a person who may be watching, so it is on standard error.
    fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(io::stderr(), "! {}", one_line(text))
    }

    fn tick(&mut self, _now_ms: u64) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::eventful;
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn a_line_for_each_event() {
        let story = eventful();
        let mut out = Vec::new();
        let mut json = Json::new(&mut out);
        for event in &story.events {
            json.event(event, 0).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), story.events.len());
        assert_snapshot!([lines[0], lines[1], lines[lines.len() - 1]].join("\n"), @r#"
        {"v":1,"seq":1,"at_ms":0,"run":17,"event":"run_started","pipeline":"ci","trigger":"manual","commit":"3f2c1ab97e","n_jobs":7}
        {"v":1,"seq":2,"at_ms":0,"run":17,"event":"job_created","job":0,"node":0,"name":"format"}
        {"v":1,"seq":45,"at_ms":3310,"run":17,"event":"run_finished","outcome":"failed","failure":{"failure":"inner","n_failed":1},"took_ms":3310}
        "#);
    }
}
