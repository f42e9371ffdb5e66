//! Subjects as people read them.

use std::borrow::Cow;

use super::encoded_word::{EncodedWord, decode_run};

/// Decodes RFC 2047 (`=?UTF-8?B?…?=`), in which a subject may have been logged.
///
/// Each word is decoded alone, or with its neighbours where mailers cut a character in two. A word
/// that cannot be decoded stays, and does not affect the others.
///
/// # Example
/// ```
/// use mailtrace::decoded_subject;
/// assert_eq!(decoded_subject("=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= an alle"), "Grüße an alle");
/// ```
pub fn decoded_subject(logged: &str) -> Cow<'_, str> {
    let Some(first) = logged.find("=?") else { return Cow::Borrowed(logged) };
    let (before, mut rest) = logged.split_at(first);
    let mut subject = before.to_owned();
    let mut run: Vec<EncodedWord<'_>> = Vec::new();
    // White space after the run, which counts only if no other word follows.
    let mut gap = "";
    let mut is_any_decoded = false;
    loop {
        if let Some((word, after)) = EncodedWord::at_start(rest) {
            if run.last().is_some_and(|it| !it.is_of_same_charset(&word)) {
                is_any_decoded = true;
                decode_run(&run, &mut subject);
                run.clear();
            }
            run.push(word);
            // White space between encoded words is not part of the text (RFC 2047, section 6.2).
            let space = after.len() - after.trim_start().len();
            (gap, rest) = after.split_at(space);
            continue;
        }
        if !run.is_empty() {
            is_any_decoded = true;
            decode_run(&run, &mut subject);
            run.clear();
        }
        subject.push_str(std::mem::take(&mut gap));
        if rest.is_empty() {
            break;
        }
        // Skips what only looked like a word, up to a possible next one.
        let skipped = rest.strip_prefix("=?").map_or(0, |_| 2);
        let next = rest.get(skipped..).and_then(|it| it.find("=?"));
        let end = next.map_or(rest.len(), |it| skipped + it);
        let (literal, after) = rest.split_at(end);
        subject.push_str(literal);
        rest = after;
    }
    if is_any_decoded { Cow::Owned(subject) } else { Cow::Borrowed(logged) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(subject: &str, expect: &str) {
        assert_eq!(decoded_subject(subject), expect, "{subject}");
    }

    #[test]
    fn encoded_words_are_decoded_and_the_rest_stays() {
        check("plain", "plain");
        check("=?utf-8?B?SG9sYSDDkW/DsW8=?=", "Hola Ñoño");
        check("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab");
        check("=?ISO-8859-1?Q?a?=\r\n =?utf-8?Q?b?=", "ab");
        check("Re: =?utf-8?q?na=C3=AFve?=", "Re: naïve");
        check("=?utf-8?Q?Gr=C3=BC=C3=9Fe_?= =?utf-8?Q?aus_?=", "Grüße aus ");
        check("[list]=?utf-8?Q?=C3=BC?=: x", "[list]ü: x");
        check("=?utf-8?X?broken?=", "=?utf-8?X?broken?=");
        check("=?utf-8?B?%%%?=", "=?utf-8?B?%%%?=");
        check("ñ =?", "ñ =?");
        check("=?utf-8?Q??= x", " x");
    }

    #[test]
    fn characters_that_words_cut_are_joined() {
        check("=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "Grüße");
        check("=?UTF-8?B?R3LD?= =?utf-8?B?vMOfZQ==?=", "Grüße");
        check("=?utf-8?B?R3LD?= =?utf-8?Q?=BC=C3=9Fe?=", "Grüße");
        // `Grüße aus Wien`, its base64 cut at bytes that are no multiple of four.
        check("=?utf-8?B?R3LDvM?= =?utf-8?B?OfZSBhdX?= =?utf-8?B?MgV2llbg==?=", "Grüße aus Wien");
        // In ISO-2022-JP and in UTF-16 no byte means anything alone.
        check("=?ISO-2022-JP?B?GyRCRnxLXA==?= =?ISO-2022-JP?B?OGwbKEI=?=", "日本語");
    }

    #[test]
    fn languages_missing_padding_and_careless_words_are_read() {
        check("=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße");
        check("=?UTF-8?B?SG9sYQ?=", "Hola");
        check("=?UTF-8?B?SG9sYQ?= =?UTF-8?B?SG9sYQ?=", "HolaHola");
        check("=?utf-8?Q?Gr=C3=BC=C3=9Fe aus Wien?=", "Grüße aus Wien");
        check("=?utf-8?Q?Really??=", "Really?");
        check("=?utf-8?Q?Really?=3F_=C3=BC?=", "Really?? ü");
        check("=?utf-8?Q?50% = half?= x", "50% = half x");
        check("=?iso-8859-1?Q?na=EFve ñ?=", "naïve ñ");
        check("=?utf-8?B?SG9s\r\n YQ==?=", "Hola");
    }

    #[test]
    fn one_broken_word_leaves_the_others() {
        check("=?utf-8?B?%%%?= =?utf-8?Q?=C3=BC?=", "=?utf-8?B?%%%?= ü");
        check("=?utf-8?Q?=C3=BC?= =?x-unknown?Q?=C3?= end", "ü =?x-unknown?Q?=C3?= end");
        check("=?x-unknown?Q?=C3?= =?utf-8?Q?=C3=BC?=", "=?x-unknown?Q?=C3?= ü");
        check("=?utf-8?Q?=C3=BC?= =?utf-8?Q?cut", "ü =?utf-8?Q?cut");
        check("=?utf-8?Q?=FF?= =?iso-8859-1?Q?=FC?=", "\u{fffd}ü");
    }

    #[test]
    fn a_hostile_length_takes_its_time_once() {
        for part in ["=?", "=?a?q?", "=?utf-8?Q?x?=20", "?=", "=?utf-8?B?Y?= "] {
            let _decoded = decoded_subject(&part.repeat(200_000));
        }
        let long = "=?".repeat(1_000_000);
        assert_eq!(decoded_subject(&long), long);
        let words = "=?utf-8?Q?=C3=BC?= ".repeat(10_000);
        assert_eq!(decoded_subject(words.trim_end()), "ü".repeat(10_000));
    }

    proptest! {
        #[test]
        fn no_subject_makes_the_decoder_panic(subject in "(=\\?|\\?=|utf-8|[bBqQ]|\\?|=|[a-z0-9+/=_ ñ]|\\PC){0,40}") {
            let _unused = decoded_subject(&subject);
        }

        #[test]
        fn whatever_is_cut_anywhere_is_joined(text in "\\PC{3,30}", at in 0_usize..100) {
            use base64::Engine;
            let whole = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&text);
            let (a, b) = whole.split_at(at * 4 % whole.len() / 4 * 4);
            let subject = format!("=?utf-8?B?{a}?= =?utf-8?B?{b}?=");
            prop_assert_eq!(decoded_subject(&subject), text.as_str());
        }
    }
}
