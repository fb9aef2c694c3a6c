//! The syntax, as authors meet it: what parses, what doesn't, and what is said then.

mod bounds;
mod mistakes;
mod outline;
mod properties;
mod rendering;
mod texts;
mod trees;

use dsl::diagnostic::render::{Style, full};
use dsl::parse::parse;
use dsl::source::Sources;

/// All that is said about a text, the text itself shown in it.
fn report(text: &str) -> String {
    let mut sources = Sources::new();
    let source = sources.add("a.gantry", text);
    let parsed = parse(source);
    let shown = parsed
        .diagnostics
        .iter()
        .map(|one| full(one, &sources, Style::Plain));
    shown.collect::<Vec<_>>().join("\n")
}
