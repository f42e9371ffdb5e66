//! Terms as the index holds them.

use crate::limits;

/// Cuts a term to the length that the index holds ([`limits::TERM_BYTES_MAX`]), between two
/// characters.
pub fn truncate_term(text: &str) -> &str {
    text.split_at(text.floor_char_boundary(limits::TERM_BYTES_MAX)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_cut_between_characters() {
        assert_eq!(truncate_term("short"), "short");
        let long = "ä".repeat(limits::TERM_BYTES_MAX);
        assert_eq!(truncate_term(&long).len(), limits::TERM_BYTES_MAX);
        let odd = format!("x{long}");
        assert_eq!(truncate_term(&odd).len(), limits::TERM_BYTES_MAX - 1);
    }
}
