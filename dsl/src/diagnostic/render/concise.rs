//! One line for each: `path:line:column: error[G0123]: headline`.

use crate::diagnostic::Diagnostic;
use crate::source::Sources;

use super::safe::safe;

/// One line, with its newline.
pub fn concise(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let Diagnostic {
        code,
        severity,
        headline,
        ..
    } = diagnostic;
    let place = place(diagnostic, sources);
    format!("{place}{}[{code}]: {}\n", severity.text(), safe(headline))
}

fn place(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let span = diagnostic.span();
    let Some(source) = sources.get(span.file) else {
        return String::new();
    };
    let at = source.position(span.start);
    format!(
        "{}:{}:{}: ",
        safe(&source.path().to_string_lossy()),
        at.line,
        at.column
    )
}
