//! Text for an HTML page.

use super::sanitise::sanitise;

/// Sanitises and escapes a text so that it stays text anywhere in a page: between tags, and in
/// attributes with either kind of quotes.
pub fn html_text(text: &str) -> String {
    let visible = sanitise(text);
    let mut escaped = String::with_capacity(visible.len());
    for character in visible.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Some old browsers treat it as a quotation mark of attributes.
            '`' => escaped.push_str("&#96;"),
            it => escaped.push(it),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::sanitise::is_hidden;

    proptest! {
        #[test]
        fn no_text_is_markup(text in "([<>&\"'`]|\\p{Cc}|\\p{Cf}|\\PC|</script>|<!--){0,40}") {
            let escaped = html_text(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'', '`']));
            prop_assert!(!escaped.contains(is_hidden));
            let read = ["&lt;", "&gt;", "&quot;", "&#39;", "&#96;", "&amp;"]
                .iter()
                .zip(["<", ">", "\"", "'", "`", "&"])
                .fold(escaped, |text, (entity, character)| text.replace(entity, character));
            prop_assert_eq!(read, sanitise(&text));
        }
    }
}
