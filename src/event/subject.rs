//! Subjects, as people read them.

use std::borrow::Cow;

use rfc2047_decoder::{Decoder, RecoverStrategy};

use crate::limits;

/// Takes off the RFC 2047 encoding (`=?UTF-8?B?…?=`) that a subject may have been logged in.
///
/// What cannot be decoded, and what is longer than [`limits::ENCODED_SUBJECT_BYTES_MAX`], comes
/// back as it is.
///
/// # Example
/// ```
/// use mailtrace::event::decoded_subject;
/// assert_eq!(decoded_subject("=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= an alle"), "Grüße an alle");
/// ```
#[must_use]
pub fn decoded_subject(logged: &str) -> Cow<'_, str> {
    if logged.len() > limits::ENCODED_SUBJECT_BYTES_MAX || !logged.contains("=?") {
        return Cow::Borrowed(logged);
    }
    // The decoder takes a blank at the end of a word for none of it, though there it must be
    // written as `_` (RFC 2047, 4.2). In base64 that sign does not occur.
    let subject = logged.replace("_?=", "=20?=");
    // Mailers write words above the 75 characters that the RFC allows; readers show them anyway.
    Decoder::new()
        .too_long_encoded_word_strategy(RecoverStrategy::Decode)
        .decode(subject.as_str())
        .map_or(Cow::Borrowed(logged), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoded_words_are_decoded_and_the_rest_stays() {
        let check = |subject: &str, expect: &str| assert_eq!(decoded_subject(subject), expect);
        check("plain", "plain");
        check("=?utf-8?B?SG9sYSDDkW/DsW8=?=", "Hola Ñoño");
        check("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab");
        check("Re: =?utf-8?q?na=C3=AFve?=", "Re: naïve");
        check("=?utf-8?Q?Gr=C3=BC=C3=9Fe_?= =?utf-8?Q?aus_?=", "Grüße aus ");
        check("=?utf-8?X?broken?=", "=?utf-8?X?broken?=");
        check("=?utf-8?B?%%%?=", "=?utf-8?B?%%%?=");
        check("ñ =?", "ñ =?");
    }

    #[test]
    fn a_hostile_length_is_left_alone() {
        let long = "=?".repeat(1_000_000);
        assert_eq!(decoded_subject(&long), long);
    }

    proptest! {
        #[test]
        fn no_subject_makes_the_decoder_panic(subject in "(=\\?|\\?=|utf-8|[bBqQ]|\\?|=|[a-z0-9+/=_ ñ]|\\PC){0,40}") {
            let _unused = decoded_subject(&subject);
        }
    }
}
