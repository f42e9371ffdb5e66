//! Shows the place in a query that an error is about.

use unicode_width::UnicodeWidthChar;

use super::Span;
use crate::text::is_hidden;

/// The text around a place, on one line, and the line below it that marks the place.
pub(crate) fn underlined(text: &str, span: Span) -> (String, String) {
    /// Characters shown before and after the beginning of the place.
    const BEFORE: usize = 50;
    const AFTER: usize = 70;
    let (before, after) = text.split_at(text.floor_char_boundary(span.start));
    let marked_bytes = span.end.saturating_sub(span.start);
    let skipped_count = before.chars().count().saturating_sub(BEFORE);
    let (mut shown, mut underline) = (String::new(), String::new());
    if skipped_count > 0 {
        shown.push('…');
        underline.push(' ');
    }
    for character in before.chars().skip(skipped_count) {
        let character = printable(character);
        shown.push(character);
        push_times(&mut underline, ' ', character.width().unwrap_or(1));
    }
    underline.push('^');
    for (index, (byte_index, character)) in after.char_indices().enumerate() {
        if index == AFTER {
            shown.push('…');
            break;
        }
        let character = printable(character);
        shown.push(character);
        if byte_index < marked_bytes {
            let width = character.width().unwrap_or(1);
            // The first column already has its mark.
            push_times(&mut underline, '~', width.saturating_sub(usize::from(index == 0)));
        }
    }
    (shown, underline)
}

fn push_times(text: &mut String, character: char, count: usize) {
    text.extend(std::iter::repeat_n(character, count));
}

/// Replaces a character by a printable one, so that nothing pasted into a query reaches a terminal
/// as a command.
fn printable(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => ' ',
        it if is_hidden(it) || it.width().unwrap_or(0) == 0 => '\u{FFFD}',
        it => it,
    }
}

/// The text, with each character made printable.
pub(crate) fn printed(text: &str) -> String {
    text.chars().map(printable).collect()
}
