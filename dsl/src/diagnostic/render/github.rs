//! Annotations that GitHub shows beside the lines of a change.
//!
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use crate::diagnostic::Diagnostic;
use crate::source::Sources;

/// One annotation, with its newline.
pub fn github(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut properties = Vec::new();
    let span = diagnostic.span();
    if let Some(source) = sources.get(span.file) {
        let (start, end) = (source.position(span.start), source.position(span.end));
        properties.push(format!(
            "file={}",
            property(&source.path().to_string_lossy())
        ));
        properties.push(format!("line={}", start.line));
        properties.push(format!("endLine={}", end.line));
        // Columns are shown only where the lines are the same.
        if start.line == end.line {
            properties.push(format!("col={}", start.column));
            properties.push(format!("endColumn={}", end.column));
        }
    }
    properties.push(format!("title={}", diagnostic.code));
    let mut message = diagnostic.headline.clone();
    for label in diagnostic
        .labels
        .iter()
        .take(1)
        .filter(|label| !label.text.is_empty())
    {
        message.push('\n');
        message.push_str(&label.text);
    }
    for help in &diagnostic.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let severity = diagnostic.severity.text();
    format!(
        "::{severity} {}::{}\n",
        properties.join(","),
        data(&message)
    )
}

/// What stands after `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What stands after `=`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
