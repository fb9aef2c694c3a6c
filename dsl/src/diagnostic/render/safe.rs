//! Text of a file as it may be shown: nothing in it can move a cursor or reorder a line.

use std::borrow::Cow;

use crate::parse::is_bidirectional;

/// Escapes what a terminal would act upon. Newlines too: what is shown is one line.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    if !text.contains(needs_escape) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        push_safe(&mut shown, character);
    }
    Cow::Owned(shown)
}

/// Appends a character as it may be shown.
pub(super) fn push_safe(shown: &mut String, character: char) {
    if needs_escape(character) {
        shown.extend(character.escape_unicode());
    } else {
        shown.push(character);
    }
}

fn needs_escape(character: char) -> bool {
    character.is_control() || is_bidirectional(character)
}
