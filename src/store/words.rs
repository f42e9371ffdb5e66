//! Splitting subjects and reasons into words, for the index and for queries alike.
//!
//! A word is a run of letters and digits, in lower case and NFKC. Scripts that write without
//! spaces, or attach particles to their words, give a token for each character: a phrase of such
//! tokens then finds any substring, without a dictionary. An emoji is a token too. Nothing here
//! knows RFC 2047: the caller decodes.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::limits;

/// Hands each word of `text` to `emit`, with its position: 0, 1, 2 and so on.
///
/// Every word is a fixed point: splitting it gives the word itself. Longer ones are cut at
/// [`limits::TERM_BYTES_MAX`].
pub fn words(text: &str, emit: impl FnMut(&str, u32)) {
    let mut tokens = Tokens { current: String::new(), is_run: false, position: 0, emit };
    if text.is_ascii() {
        // ASCII is its own normal form.
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() {
                tokens.run(char::from(byte.to_ascii_lowercase()));
            } else {
                tokens.flush();
            }
        }
    } else {
        // Lower-casing may undo the normal form, and the normal form may bring capitals back: hence
        // twice.
        let visible = text.chars().filter(|it| !is_ignorable(*it));
        for character in visible.nfkc().flat_map(lower).nfkc().flat_map(lower) {
            tokens.take(character);
        }
    }
    tokens.flush();
}

/// The form in which keywords (names of rules and folders, verdicts) are compared: trimmed, in
/// lower case, composed.
pub fn folded(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() {
        if text.bytes().any(|it| it.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().flat_map(lower).nfc().collect())
}

/// The token under construction.
struct Tokens<E> {
    current: String,
    /// True if `current` is a run of letters that may go on, false if it is one character with its
    /// marks.
    is_run: bool,
    position: u32,
    emit: E,
}

impl<E: FnMut(&str, u32)> Tokens<E> {
    fn take(&mut self, character: char) {
        if is_combining_mark(character) {
            // A mark goes with the character before it. Alone it is nothing to search for.
            if !self.current.is_empty() {
                self.push(character);
            }
        } else if is_emoji(character) {
            self.alone(character);
        } else if !character.is_alphanumeric() {
            self.flush();
        } else if stands_alone(character) {
            self.alone(character);
        } else {
            self.run(character);
        }
    }

    fn run(&mut self, character: char) {
        if !self.is_run {
            self.flush();
            self.is_run = true;
        }
        self.push(character);
    }

    fn alone(&mut self, character: char) {
        self.flush();
        self.push(character);
    }

    fn push(&mut self, character: char) {
        if self.current.len() + character.len_utf8() <= limits::TERM_BYTES_MAX {
            self.current.push(character);
        }
    }

    fn flush(&mut self) {
        self.is_run = false;
        if self.current.is_empty() {
            return;
        }
        (self.emit)(&self.current, self.position);
        self.position = self.position.saturating_add(1);
        self.current.clear();
    }
}

/// Lower-cases one character, without the forms that depend on position or language: a word must
/// fold the same everywhere.
fn lower(character: char) -> impl Iterator<Item = char> {
    let character = match character {
        // Its lower case would be an i and a combining dot.
        'İ' => 'i',
        // The sigma at the end of a word.
        'ς' => 'σ',
        it => it,
    };
    character.to_lowercase()
}

/// True for invisible characters: they neither split a word nor hide it from a search.
fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        // The skin colours of emoji.
        | '\u{1F3FB}'..='\u{1F3FF}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// True for scripts without spaces between words (Han, kana, Thai, Lao, Tibetan, Myanmar, Khmer),
/// and for Hangul, whose words end in particles.
fn stands_alone(character: char) -> bool {
    matches!(character,
        '\u{E00}'..='\u{FFF}' | '\u{1000}'..='\u{109F}' | '\u{1100}'..='\u{11FF}'
        | '\u{1780}'..='\u{17FF}' | '\u{2E80}'..='\u{312F}' | '\u{3130}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{A960}'..='\u{A97F}'
        | '\u{A9E0}'..='\u{A9FF}' | '\u{AA60}'..='\u{AA7F}' | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{1AFF0}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFF}')
}

fn is_emoji(character: char) -> bool {
    matches!(character,
        '\u{2300}'..='\u{23FF}' | '\u{2600}'..='\u{27BF}' | '\u{2B00}'..='\u{2BFF}'
        | '\u{1F000}'..='\u{1F0FF}' | '\u{1F1E6}'..='\u{1F1FF}' | '\u{1F300}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(text: &str) -> Vec<String> {
        let mut list = Vec::new();
        words(text, |word, position| {
            assert_eq!(usize::try_from(position), Ok(list.len()));
            list.push(word.to_owned());
        });
        list
    }

    fn check(text: &str, expect: &[&str]) {
        assert_eq!(list(text), expect, "{text:?}");
    }

    #[test]
    fn runs_of_letters_and_digits_are_words() {
        check("Re: Your INVOICE #4711 (copy)", &["re", "your", "invoice", "4711", "copy"]);
        check("550 5.1.1 <ana@far.example>", &["550", "5", "1", "1", "ana", "far", "example"]);
        check("", &[]);
        check(" \t--\u{1b}[31m", &["31m"]);
        check("Größenänderung der Straße", &["größenänderung", "der", "straße"]);
        check("Счёт на ОПЛАТУ", &["счёт", "на", "оплату"]);
        check("فاتورة رقم ٤٢", &["فاتورة", "رقم", "٤٢"]);
        check("ΟΔΟΣ οδός", &["οδοσ", "οδόσ"]);
        check("İstanbul ISTANBUL", &["istanbul", "istanbul"]);
    }

    #[test]
    fn scripts_without_spaces_give_a_token_a_character() {
        check("请求书PDF版", &["请", "求", "书", "pdf", "版"]);
        check("メールの件", &["メ", "ー", "ル", "の", "件"]);
        check("청구서 안내", &["청", "구", "서", "안", "내"]);
        check("ใบแจ้งหนี้", &["ใ", "บ", "แ", "จ้", "ง", "ห", "นี้"]);
        check("ไทย 42", &["ไ", "ท", "ย", "42"]);
    }

    #[test]
    fn equal_texts_in_other_forms_give_equal_words() {
        assert_eq!(list("Gru\u{308}ße cafe\u{301}"), list("Grüße café"));
        assert_eq!(list("ＩＮＶＯＩＣＥ　４２"), list("invoice 42"));
        assert_eq!(list("ﾃｽﾄﾒｰﾙ ｶﾞ"), list("テストメール ガ"));
        assert_eq!(list("\u{1112}\u{1161}\u{11ab}"), list("한"));
        assert_eq!(list("ﬁnance №"), list("finance No"));
    }

    #[test]
    fn emoji_are_tokens_and_what_nobody_sees_is_nothing() {
        check("🎉 Sale👍🏽", &["🎉", "sale", "👍"]);
        check("👩‍👧", &["👩", "👧"]);
        check("⚠️ disk", &["⚠", "disk"]);
        check("in\u{200b}voi\u{ad}ce \u{202e}fdp", &["invoice", "fdp"]);
    }

    #[test]
    fn a_word_is_bounded() {
        for letter in ["a", "ä", "a\u{301}", "本\u{301}"] {
            let text = letter.repeat(100_000);
            assert!(list(&text).iter().all(|it| it.len() <= limits::TERM_BYTES_MAX));
        }
    }

    proptest! {
        #[test]
        fn every_word_is_its_own_only_word(text in any::<String>()) {
            for word in list(&text) {
                prop_assert_eq!(list(&word), vec![word]);
            }
        }

        #[test]
        fn composed_and_decomposed_text_give_equal_words(text in any::<String>()) {
            let composed: String = text.nfc().collect();
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(list(&composed), list(&decomposed));
        }

        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let once = folded(&text).into_owned();
            prop_assert_eq!(folded(&once).into_owned(), once);
        }
    }
}
