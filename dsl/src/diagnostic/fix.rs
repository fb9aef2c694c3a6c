//! Mends a file by the fixes that are sure.

use super::{Applicability, Diagnostic, Fix};
use crate::source::SourceFile;

/// The text with every sure fix applied, and how many there were. Of two that touch the same text
/// the first wins; the other is found again when the result is checked.
pub fn apply<'d>(
    source: &SourceFile,
    diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
) -> (String, usize) {
    let fixes = diagnostics.into_iter().filter_map(|one| one.fix.as_ref());
    let is_sure =
        |fix: &&Fix| fix.applicability == Applicability::Machine && fix.span.file == source.id();
    let mut fixes: Vec<_> = fixes.filter(is_sure).collect();
    fixes.sort_by_key(|fix| (fix.span.start, fix.span.end));
    let text = source.text();
    let (mut mended, mut end, mut applied) = (String::with_capacity(text.len()), 0, 0);
    for fix in fixes {
        let range = fix.span.range();
        let Some(between) = text
            .get(end..range.start)
            .filter(|_| range.end <= text.len())
        else {
            continue;
        };
        mended.push_str(between);
        mended.push_str(&fix.replacement);
        end = range.end;
        applied += 1;
    }
    mended.push_str(&text[end..]);
    (mended, applied)
}
