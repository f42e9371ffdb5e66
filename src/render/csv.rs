//! CSV for spreadsheets.
//!
//! Cells are sanitised, so that a row is one line and nothing acts on a terminal, and guarded, so
//! that no spreadsheet takes one for a formula. Plain addresses stay unchanged, since programs read
//! CSV too and look addresses up. For the exact text of anything else there is JSON.

use super::sanitise::sanitise;
use crate::event::{Address, decoded_subject};
use crate::store::StoredEvent;
use crate::time::Zone;
use crate::trace::{Message, Recipient, bounce_in_words};

// Fixed lengths in the types keep header and rows in step.
const MESSAGES_HEADER: [&str; 26] = [
    "messageIds",
    "messageOutcome",
    "firstSeen",
    "lastSeen",
    "from",
    "sender",
    "subject",
    "address",
    "direction",
    "traceId",
    "outcome",
    "folder",
    "junk",
    "status",
    "statusText",
    "reason",
    "rule",
    "mailboxes",
    "at",
    "latencyMs",
    "spam",
    "dkim",
    "dmarc",
    "spf",
    "dmarcPolicy",
    "truncated",
];

/// Returns the column names of [`message_rows`].
pub fn message_columns() -> impl Iterator<Item = &'static str> {
    MESSAGES_HEADER.into_iter()
}

/// Returns a row for each recipient of a message, or a single one without a recipient.
pub fn message_rows(message: &Message, zone: &Zone) -> Vec<[String; 26]> {
    if message.recipients.is_empty() {
        return vec![message_row(message, None, zone)];
    }
    message.recipients.iter().map(|it| message_row(message, Some(it), zone)).collect()
}

fn message_row(message: &Message, recipient: Option<&Recipient>, zone: &Zone) -> [String; 26] {
    let text = |it: Option<&str>| it.unwrap_or("").to_owned();
    let of = |take: fn(&Recipient) -> Option<&str>| text(recipient.and_then(take));
    let verdicts = &message.verdicts;
    [
        list(&message.message_ids),
        message.outcome.to_string(),
        message.first_seen.in_zone(zone),
        message.last_seen.in_zone(zone),
        text(message.from.as_ref().map(Address::logged)),
        text(message.sender.as_ref().map(Address::logged)),
        text(message.subject.as_deref()),
        of(|it| Some(it.address.logged())),
        of(|it| Some(it.direction.as_str())),
        of(|it| it.trace_id.as_deref()),
        of(|it| Some(it.outcome.as_str())),
        of(|it| it.folder.as_deref()),
        of(|it| Some(if it.is_junk { "true" } else { "false" })),
        of(|it| it.status.as_deref()),
        of(|it| bounce_in_words(it.status.as_deref(), it.reason.as_deref())),
        of(|it| it.reason.as_deref()),
        of(|it| it.rule.as_deref()),
        recipient.map_or_else(String::new, |it| list(&it.mailboxes)),
        recipient.and_then(|it| it.at).map_or_else(String::new, |it| it.in_zone(zone)),
        recipient.and_then(|it| it.latency_ms).map_or_else(String::new, |it| it.to_string()),
        text(verdicts.spam.as_deref()),
        text(verdicts.dkim.as_deref()),
        text(verdicts.dmarc.as_deref()),
        text(verdicts.spf.as_deref()),
        text(verdicts.dmarc_policy.as_deref()),
        message.is_truncated.to_string(),
    ]
    .map(|it| csv_cell(&it))
}

const EVENTS_HEADER: [&str; 15] = [
    "timestamp",
    "eventName",
    "traceId",
    "messageId",
    "from",
    "sender",
    "to",
    "subject",
    "status",
    "reason",
    "folder",
    "rule",
    "logGroup",
    "logStream",
    "eventId",
];

/// Returns the column names of [`event_cells`].
pub fn event_columns() -> impl Iterator<Item = &'static str> {
    EVENTS_HEADER.into_iter()
}

/// Returns an event's cells, safe for a spreadsheet.
pub fn event_cells(stored: &StoredEvent, zone: &Zone) -> [String; 15] {
    let (record, event) = (&stored.record, &stored.event);
    let text = |it: Option<&str>| it.unwrap_or("").to_owned();
    [
        record.timestamp.in_zone(zone),
        event.name.to_string(),
        event.trace_id.to_string(),
        event.message_id.as_ref().map_or_else(String::new, ToString::to_string),
        text(event.from.as_ref().map(Address::logged)),
        text(event.sender.as_ref().map(Address::logged)),
        event.all_recipients().map(Address::logged).collect::<Vec<_>>().join("; "),
        event.subject.as_deref().map_or_else(String::new, |it| decoded_subject(it).into_owned()),
        text(event.status.as_deref()),
        text(event.reason.as_deref()),
        text(event.folder.as_deref().or(event.target_folder.as_deref())),
        text(event.rule_name.as_deref()),
        text(record.log_group.as_deref()),
        text(record.log_stream.as_deref()),
        text(record.event_id.as_deref()),
    ]
    .map(|it| csv_cell(&it))
}

fn list(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The byte order mark by which spreadsheets recognise UTF-8, for files that people open.
pub const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Returns a sanitised cell that no spreadsheet takes for a formula
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
///
/// Plain addresses stay unchanged byte for byte, even if they begin with `+`, `-` or `=`, as those
/// of SMS and fax gateways and of mailing lists do.
pub fn csv_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len() + 1);
    // Checked before sanitising, which replaces a tab or line break at the start.
    if text.starts_with(['\t', '\r', '\n']) {
        cell.push('\'');
    }
    // In half of Europe semicolons separate cells, so what follows one is a cell there.
    for (index, part) in sanitise(text).split(';').enumerate() {
        if index > 0 {
            cell.push(';');
        }
        if begins_formula(part) {
            cell.push('\'');
        }
        cell.push_str(part);
    }
    cell
}

/// True if a spreadsheet may take a cell for a formula that does something.
fn begins_formula(text: &str) -> bool {
    // Some spreadsheets drop the blanks before a formula.
    let text = text.trim();
    text.starts_with(starts_formula) && !is_plain_address(text)
}

/// True if this is an address without the characters that call a function or another program: those
/// need parentheses, quotes, `|` or `!`.
fn is_plain_address(text: &str) -> bool {
    let is_local = |it: char| it.is_alphanumeric() || "._+-=~#$%&*/?^".contains(it);
    let is_domain = |it: char| it.is_alphanumeric() || "._-".contains(it);
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && local.chars().all(is_local)
            && domain.chars().all(is_domain)
    })
}

/// True for a character that begins a formula. Full-width forms count too: spreadsheets with East
/// Asian settings treat them alike.
fn starts_formula(character: char) -> bool {
    matches!(character, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::render::write_csv;
    use crate::trace::samples::*;

    fn of_messages(messages: &[Message]) -> String {
        let mut out = Vec::new();
        let rows = messages.iter().flat_map(|it| message_rows(it, &Zone::UTC));
        write_csv(message_columns(), rows, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn of_events(events: &[StoredEvent]) -> String {
        let mut out = Vec::new();
        let rows = events.iter().map(|it| event_cells(it, &Zone::UTC));
        write_csv(event_columns(), rows, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_recipient_of_each_message_has_a_row() {
        let mut log = report_to_four();
        log.push(rule(9_000, "alone", "INBOUND_RULE", "DROP", &[]));
        let messages = joined(&log);
        assert_snapshot!(of_messages(&messages), @r"
        messageIds,messageOutcome,firstSeen,lastSeen,from,sender,subject,address,direction,traceId,outcome,folder,junk,status,statusText,reason,rule,mailboxes,at,latencyMs,spam,dkim,dmarc,spf,dmarcPolicy,truncated
        <m1@acme.example>,partial,2026-11-23T21:34:00.000Z,2026-11-23T21:34:02.600Z,ana@acme.example,,Quarterly report,bob@acme.example,outgoing,out-1,sent,,false,,,,,,2026-11-23T21:34:00.800Z,800,PASS,PASS,PASS,PASS,,false
        <m1@acme.example>,partial,2026-11-23T21:34:00.000Z,2026-11-23T21:34:02.600Z,ana@acme.example,,Quarterly report,team@acme.example,outgoing,out-1,sent,,false,,,,,,2026-11-23T21:34:00.810Z,810,PASS,PASS,PASS,PASS,,false
        <m1@acme.example>,partial,2026-11-23T21:34:00.000Z,2026-11-23T21:34:02.600Z,ana@acme.example,,Quarterly report,zoe@far.example,outgoing,out-1,sent,,false,,,,,,2026-11-23T21:34:02.300Z,2300,PASS,PASS,PASS,PASS,,false
        <m1@acme.example>,partial,2026-11-23T21:34:00.000Z,2026-11-23T21:34:02.600Z,ana@acme.example,,Quarterly report,bob@acme.example,incoming,in-1,bounced,,false,5.2.2,mailbox full,552 5.2.2 The mailbox is over quota,,,2026-11-23T21:34:02.600Z,1400,PASS,PASS,PASS,PASS,,false
        <m1@acme.example>,partial,2026-11-23T21:34:00.000Z,2026-11-23T21:34:02.600Z,ana@acme.example,,Quarterly report,team@acme.example,incoming,in-1,expanded,,false,,,,,carl@acme.example; dora@acme.example,,,PASS,PASS,PASS,PASS,,false
        <m1@acme.example>,partial,2026-11-23T21:34:00.000Z,2026-11-23T21:34:02.600Z,ana@acme.example,,Quarterly report,carl@acme.example,incoming,in-1,delivered,Junk E-mail,true,,,,,,2026-11-23T21:34:02.000Z,800,PASS,PASS,PASS,PASS,,false
        <m1@acme.example>,partial,2026-11-23T21:34:00.000Z,2026-11-23T21:34:02.600Z,ana@acme.example,,Quarterly report,dora@acme.example,incoming,in-1,delivered,INBOX,false,,,,,,2026-11-23T21:34:02.100Z,900,PASS,PASS,PASS,PASS,,false
        ,unknown,2026-11-23T21:34:09.000Z,2026-11-23T21:34:09.000Z,,,,,,,,,,,,,,,,,,,,,,false
        ");
    }

    #[test]
    fn each_event_has_a_row() {
        let log = [
            received(0, "t", "m1@x", &["bob@acme.example", "eve@acme.example"]),
            bounced(700, "t", "INCOMING", "bob@acme.example"),
        ];
        assert_snapshot!(of_events(&log), @r"
        timestamp,eventName,traceId,messageId,from,sender,to,subject,status,reason,folder,rule,logGroup,logStream,eventId
        2026-11-23T21:34:00.000Z,ORGANIZATION_EMAIL_RECEIVED,t,<m1@x>,ana@acme.example,,bob@acme.example; eve@acme.example,Quarterly report,,,,,/aws/workmail/emailevents/acme,s1,
        2026-11-23T21:34:00.700Z,INCOMING_EMAIL_BOUNCED,t,,,,bob@acme.example,,5.2.2,552 5.2.2 The mailbox is over quota,,,/aws/workmail/emailevents/acme,s1,
        ");
    }

    #[test]
    fn no_cell_starts_a_formula() {
        for (cell, expect) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\t=1"),
            ("\r\n=1", "'\\r\\n=1"),
            ("＝1", "'＝1"),
            (" =1", "' =1"),
            ("\u{a0} \u{3000}＠A1", "'\u{a0} \u{3000}＠A1"),
            (" a =1", " a =1"),
            ("a;=1; ＋2;b=c;", "a;'=1;' ＋2;b=c;"),
            ("=1;=2", "'=1;'=2"),
            ("a=b", "a=b"),
            ("", ""),
            ("=cmd|'/C calc'!A0@far.example", "'=cmd|'/C calc'!A0@far.example"),
            ("=HYPERLINK(A1)@far.example", "'=HYPERLINK(A1)@far.example"),
            ("+1@far.example =1", "'+1@far.example =1"),
            ("+@SUM(A1)", "'+@SUM(A1)"),
            ("＝1@far.example", "'＝1@far.example"),
            ("-@", "'-@"),
        ] {
            assert_eq!(csv_cell(cell), expect);
        }
    }

    #[test]
    fn addresses_stay_as_they_are() {
        for address in [
            "+15551234567@sms.far.example",
            "-noreply-@far.example",
            "=_bounce=ana=acme.example@far.example",
            "+grüße@köln.example",
            "ana@acme.example; +49301234567@fax.acme.example; -all@acme.example",
        ] {
            assert_eq!(csv_cell(address), address);
        }
    }

    proptest! {
        #[test]
        fn rows_read_back_without_formulas_and_on_one_line(subject in "[=+@＝＋－＠\t\r\n-]?(\\p{Cc}|\\p{Cf}|\\PC|[,\"]){0,20}", name in "[=+@-]?\\PC{0,9}") {
            let fields = json!({"subject": subject, "from": name, "sender": subject, "recipients": [name]});
            let event = at(0, "=t", "OUTGOING_EMAIL_SUBMITTED", fields);
            for written in [
                of_events(std::slice::from_ref(&event)),
                of_messages(&joined(std::slice::from_ref(&event))),
            ] {
                prop_assert_eq!(written.lines().count(), 2);
                for record in csv::Reader::from_reader(written.as_bytes()).records() {
                    for cell in &record.unwrap() {
                        prop_assert!(!cell.split(';').any(begins_formula), "{cell:?}");
                        prop_assert!(!cell.contains(crate::render::sanitise::is_hidden));
                    }
                }
            }
        }
    }
}
