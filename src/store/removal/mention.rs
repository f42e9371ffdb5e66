//! Finding the addresses that a message names, anywhere in it.

use crate::event::{Event, Parser, each_address};

/// Calls `visit` with the normal form of each possible mail address in a message, or in any other
/// text: each that is spelled anywhere in it, and each that a search by address would find.
pub(super) fn each_mention(message: &str, visit: &mut dyn FnMut(&str)) {
    each_address(message, visit);
    let mut parser = Parser::new();
    // Rejected input need not be an event; all that its text spells was visited above.
    let Ok(event) = parser.parse(message) else { return };
    each_of_event(&event, visit);
}

fn each_of_event(event: &Event<'_>, visit: &mut dyn FnMut(&str)) {
    let senders = event.from.iter().chain(&event.sender);
    senders.chain(event.all_recipients()).for_each(|it| visit(it.as_str()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_search_finds_is_named() {
        let event = |member: &str| {
            format!(r#"{{"traceId":"t","event":{{"eventName":"X",{member}}},"n":1e999}}"#)
        };
        for member in [
            r#""recipient":"ana (the one) @ x.example""#,
            r#""recipient":"ana@(relay)x.example""#,
            r#""recipients":["Bob <bob@x.example>; Ana <ana@x.example.>"]"#,
            r#""from":"rfc822;ANA\u0040X.example""#,
            r#""bouncedRecipient":{"emailAddress":"<@relay.example:ana@x.example>"}"#,
        ] {
            let mut is_named = false;
            each_mention(&event(member), &mut |it| is_named |= it == "ana@x.example");
            assert!(is_named, "{member}");
        }
        each_mention(&event(r#""from":"diana@x.example""#), &mut |it| {
            assert_eq!(it, "diana@x.example");
        });
    }
}
