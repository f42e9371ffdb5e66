//! What people see, at fixed widths.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::render::{Answer, FoundEvents, Part, TraceAnswer};
use crate::store::StoredEvent;
use crate::trace::samples::*;

fn drawn(log: &[StoredEvent], width: usize) -> String {
    drawn_with(log, &TableOptions { width, ..TableOptions::default() })
}

fn drawn_with(log: &[StoredEvent], options: &TableOptions) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    TraceAnswer { messages: &joined(log), ..TraceAnswer::default() }
        .table(options, &mut out)
        .unwrap();
    String::from_utf8(out.into_inner()).unwrap()
}

#[test]
fn a_report_to_four_at_the_usual_width() {
    assert_snapshot!(drawn(&report_to_four(), 100), @r#"
    Delivered or sent to 3 of 4 recipients, 1 of them in junk; bounced for bob@acme.example: 5.2.2
        mailbox full

      Subject     Quarterly report
      From        ana@acme.example
      Message ID  <m1@acme.example>
      First seen  2026-11-23T21:34:00.000Z, last event 2.6 s later
      Checks      all passed (spam, DKIM, DMARC, SPF)

      RECIPIENT          OUTCOME    FOLDER       AT            LATENCY  WHY
      bob@acme.example   bounced                 21:34:02.600    1.4 s  5.2.2 mailbox full: "552 5.2.2
                                                                        The mailbox is over quota"
      team@acme.example  expanded                                       group of 2 mailboxes
      zoe@far.example    sent                    21:34:02.300    2.3 s
      carl@acme.example  delivered  Junk E-mail  21:34:02.000    0.8 s
      dora@acme.example  delivered  INBOX        21:34:02.100    0.9 s

      Outgoing, trace ID out-1
        21:34:00.000          submitted from ana@acme.example to bob@acme.example, team@acme.example,
                              zoe@far.example
        21:34:00.800  +0.8 s  sent to bob@acme.example: the next server accepted it
        21:34:00.810  +10 ms  sent to team@acme.example: the next server accepted it
        21:34:02.300  +1.4 s  sent to zoe@far.example: the next server accepted it

      Incoming, trace ID in-1
        21:34:01.200          received from ana@acme.example for bob@acme.example, team@acme.example
        21:34:01.500  +0.3 s  rule "Quarantine" (INBOUND_RULE): MOVE_TO_JUNK for carl@acme.example
        21:34:02.000  +0.5 s  delivered to carl@acme.example in "Junk E-mail"
        21:34:02.100  +0.1 s  delivered to dora@acme.example in INBOX
        21:34:02.600  +0.5 s  bounced for bob@acme.example, 5.2.2 mailbox full: "552 5.2.2 The mailbox
                              is over quota"
    "#);
}

#[test]
fn the_same_on_a_narrow_terminal() {
    assert_snapshot!(drawn(&report_to_four(), 60), @r#"
    Delivered or sent to 3 of 4 recipients, 1 of them in junk;
        bounced for bob@acme.example: 5.2.2 mailbox full

      Subject     Quarterly report
      From        ana@acme.example
      Message ID  <m1@acme.example>
      First seen  2026-11-23T21:34:00.000Z, last event 2.6 s
                  later
      Checks      all passed (spam, DKIM, DMARC, SPF)

      RECIPIENT          OUTCOME    FOLDER       LATENCY
      bob@acme.example   bounced                   1.4 s
          5.2.2 mailbox full: "552 5.2.2 The mailbox is over
          quota"
      team@acme.example  expanded
          group of 2 mailboxes
      zoe@far.example    sent                      2.3 s
      carl@acme.example  delivered  Junk E-mail    0.8 s
      dora@acme.example  delivered  INBOX          0.9 s

      Outgoing, trace ID out-1
        21:34:00.000          submitted from ana@acme.example to
                              bob@acme.example,
                              team@acme.example, zoe@far.example
        21:34:00.800  +0.8 s  sent to bob@acme.example: the next
                              server accepted it
        21:34:00.810  +10 ms  sent to team@acme.example: the
                              next server accepted it
        21:34:02.300  +1.4 s  sent to zoe@far.example: the next
                              server accepted it

      Incoming, trace ID in-1
        21:34:01.200          received from ana@acme.example for
                              bob@acme.example,
                              team@acme.example
        21:34:01.500  +0.3 s  rule "Quarantine" (INBOUND_RULE):
                              MOVE_TO_JUNK for carl@acme.example
        21:34:02.000  +0.5 s  delivered to carl@acme.example in
                              "Junk E-mail"
        21:34:02.100  +0.1 s  delivered to dora@acme.example in
                              INBOX
        21:34:02.600  +0.5 s  bounced for bob@acme.example,
                              5.2.2 mailbox full: "552 5.2.2 The
                              mailbox is over quota"
    "#);
}

fn to_many(count: usize) -> Vec<StoredEvent> {
    let everybody: Vec<String> = (0..count).map(|it| format!("user{it:03}@acme.example")).collect();
    let named: Vec<&str> = everybody.iter().map(String::as_str).collect();
    let mut log = vec![received(0, "in-1", "m1@far.example", &named)];
    for (ms, address) in (1_i64..).zip(&named) {
        log.push(match ms {
            41 => bounced(ms, "in-1", "INCOMING", address),
            42 => continue,
            _ => delivered(ms, "in-1", address, "INBOX"),
        });
    }
    log
}

#[test]
fn a_message_to_500_shows_the_bad_first_and_counts_the_rest() {
    assert_snapshot!(drawn(&to_many(500), 100), @r#"
    Delivered to 498 of 500 recipients; bounced for user040@acme.example: 5.2.2 mailbox full; lost for
        user041@acme.example: no outcome logged

      Subject     Quarterly report
      From        ana@acme.example
      Message ID  <m1@far.example>
      First seen  2026-11-23T21:34:00.000Z, last event 0.5 s later
      Checks      all passed (spam, DKIM, DMARC, SPF)

      RECIPIENT             OUTCOME    FOLDER  AT            LATENCY  WHY
      user040@acme.example  bounced            21:34:00.041    41 ms  5.2.2 mailbox full: "552 5.2.2 The
                                                                      mailbox is over quota"
      user041@acme.example  lost                                      no outcome logged
      user000@acme.example  delivered  INBOX   21:34:00.001     1 ms
      user001@acme.example  delivered  INBOX   21:34:00.002     2 ms
      user002@acme.example  delivered  INBOX   21:34:00.003     3 ms
      user003@acme.example  delivered  INBOX   21:34:00.004     4 ms
      user004@acme.example  delivered  INBOX   21:34:00.005     5 ms
      user005@acme.example  delivered  INBOX   21:34:00.006     6 ms
      user006@acme.example  delivered  INBOX   21:34:00.007     7 ms
      user007@acme.example  delivered  INBOX   21:34:00.008     8 ms
      user008@acme.example  delivered  INBOX   21:34:00.009     9 ms
      user009@acme.example  delivered  INBOX   21:34:00.010    10 ms
      user010@acme.example  delivered  INBOX   21:34:00.011    11 ms
      user011@acme.example  delivered  INBOX   21:34:00.012    12 ms
      user012@acme.example  delivered  INBOX   21:34:00.013    13 ms
      user013@acme.example  delivered  INBOX   21:34:00.014    14 ms
      user014@acme.example  delivered  INBOX   21:34:00.015    15 ms
      user015@acme.example  delivered  INBOX   21:34:00.016    16 ms
      user016@acme.example  delivered  INBOX   21:34:00.017    17 ms
      user017@acme.example  delivered  INBOX   21:34:00.018    18 ms
      and 480 more delivered (--all lists them)

      Incoming, trace ID in-1
        21:34:00.000          received from ana@acme.example for user000@acme.example,
                              user001@acme.example, user002@acme.example and 497 more
        21:34:00.001   +1 ms  delivered to user000@acme.example in INBOX
        21:34:00.002   +1 ms  delivered to user001@acme.example in INBOX
        21:34:00.003   +1 ms  delivered to user002@acme.example in INBOX
        21:34:00.004   +1 ms  delivered to user003@acme.example in INBOX
        21:34:00.005   +1 ms  delivered to user004@acme.example in INBOX
        21:34:00.006   +1 ms  delivered to user005@acme.example in INBOX
        21:34:00.007   +1 ms  delivered to user006@acme.example in INBOX
        21:34:00.008   +1 ms  delivered to user007@acme.example in INBOX
        21:34:00.009   +1 ms  delivered to user008@acme.example in INBOX
        21:34:00.010   +1 ms  delivered to user009@acme.example in INBOX
        21:34:00.011   +1 ms  delivered to user010@acme.example in INBOX
        21:34:00.041  +30 ms  bounced for user040@acme.example, 5.2.2 mailbox full: "552 5.2.2 The
                              mailbox is over quota"
        and 487 more steps: 487 delivered (--all lists them)
    "#);
}

#[test]
fn all_recipients_and_steps_are_listed_on_request() {
    let options = TableOptions { lists_all: true, ..TableOptions::default() };
    let text = drawn_with(&to_many(500), &options);
    assert_eq!(text.matches("user4").count(), 200, "a row and a step for each of a hundred");
    assert!(!text.contains("--all"));
}

#[test]
fn hostile_text_stays_text_and_steps_may_lie_days_apart() {
    let fields = json!({"from": "ana@far.example", "sender": "list@far.example", "recipients": ["bob@acme.example"],
        "subject": "\u{202e}evil\u{1b}[2J\r\nBcc: x", "messageId": "m\u{7}1@far.example", "spamVerdict": "GRAY",
        "dmarcVerdict": "FAIL", "dmarcPolicy": "QUARANTINE", "dkimVerdict": "GRAY", "spfVerdict": "PASS"});
    let day = 24 * 60 * 60 * 1_000;
    let log = [
        at(0, "t\u{9b}1", "ORGANIZATION_EMAIL_RECEIVED", fields),
        dmarc(40, "t\u{9b}1", "QUARANTINE", &["bob@acme.example"]),
        at(3 * day, "t\u{9b}1", "NEW\nEVENT", json!({})),
    ];
    assert_snapshot!(drawn(&log, 100), @r"
    Quarantined for bob@acme.example by the sender's DMARC policy

      Subject     \u{202e}evil\u{1b}[2J\r\nBcc: x
      From        ana@far.example (sent by list@far.example)
      Message ID  <m\u{7}1@far.example>
      First seen  2026-11-23T21:34:00.000Z, last event 3 d later
      Checks      spam GRAY (not sure), DKIM GRAY (not signed), DMARC FAIL (policy QUARANTINE), SPF PASS

      RECIPIENT         DIRECTION  OUTCOME      AT            WHY
      bob@acme.example  incoming   quarantined  21:34:00.040  by the sender's DMARC policy

      Incoming, trace ID t\u{9b}1
        21:34:00.000                         received from list@far.example on behalf of ana@far.example
                                             for bob@acme.example (DMARC FAIL)
        21:34:00.040                 +40 ms  the sender's DMARC policy QUARANTINE was applied for
                                             bob@acme.example
        2026-11-26T21:34:00.000Z  +2 d 23 h  NEW\nEVENT (an event that AWS does not document)
    ");
}

#[test]
fn two_messages_are_told_apart() {
    let log = [
        submitted(0, "a", &["zoe@far.example"]),
        sent(800, "a", "<a@x>", "zoe@far.example"),
        delivered(60_000, "b", "bob@acme.example", "INBOX"),
    ];
    assert_snapshot!(drawn(&log, 80), @r"
    Sent to zoe@far.example, accepted by the next server after 0.8 s

      Subject     Quarterly report
      From        ana@acme.example
      Message ID  <a@x>
      First seen  2026-11-23T21:34:00.000Z, last event 0.8 s later

      RECIPIENT        DIRECTION  OUTCOME  AT            LATENCY
      zoe@far.example  outgoing   sent     21:34:00.800    0.8 s

      Outgoing, trace ID a
        21:34:00.000          submitted from ana@acme.example to zoe@far.example
        21:34:00.800  +0.8 s  sent to zoe@far.example: the next server accepted it

    ────────────────────────────────────────────────────────────────────────────────

    Delivered to bob@acme.example in INBOX

      First seen  2026-11-23T21:35:00.000Z

      RECIPIENT         DIRECTION  OUTCOME    FOLDER  AT            LATENCY
      bob@acme.example  incoming   delivered  INBOX   21:35:00.000      0 s

      Incoming, trace ID b
        21:35:00.000  delivered to bob@acme.example in INBOX
    ");
}

#[test]
fn no_id_is_broken_and_no_line_ends_in_blanks_at_any_width() {
    let id = format!("{}@mail.example", "0123456789abcdef".repeat(6));
    let log = [
        received(0, &id, &id, &["bob@acme.example"]),
        bounced(1, &id, "INCOMING", "bob@acme.example"),
    ];
    for width in 0..220 {
        let text = drawn(&log, width);
        assert_eq!(text.matches(&id).count(), 2, "{width}:\n{text}");
        assert!(text.lines().all(|it| it.trim_end() == it), "{width}:\n{text}");
    }
}

#[test]
fn at_sensible_widths_lines_fit() {
    for width in 72..200 {
        for line in drawn(&report_to_four(), width).lines() {
            assert!(crate::render::columns(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn words_of_strangers_never_begin_a_line_as_ours_do() {
    let fields =
        json!({"recipient": "bob@acme.example", "folder": "a b c Delivered to boss@acme.example"});
    let log = [at(0, "t", "MAILBOX_EMAIL_DELIVERED", fields)];
    for width in 0..120 {
        let text = drawn(&log, width);
        let forged = text.lines().skip(1).find(|it| it.starts_with("Delivered to"));
        assert_eq!(forged, None, "{width}:\n{text}");
    }
}

#[test]
fn colours_mean_outcomes() {
    let mut out = Vec::new();
    write_trace_table(&joined(&report_to_four())[0], &TableOptions::default(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("\u{1b}[31mbounced\u{1b}[0m"));
    assert!(text.contains("\u{1b}[32mdelivered\u{1b}[0m"));
}

#[test]
fn what_was_not_found_is_said_with_the_coverage() {
    let mut out = anstream::StripStream::new(Vec::new());
    let ids = ["<gone@x>\u{1b}".to_owned()];
    write_not_found(&ids, Some("The store holds 2026-11-01 to 2026-11-23"), &mut out).unwrap();
    assert_snapshot!(String::from_utf8(out.into_inner()).unwrap(), @r"
    No event was found for <gone@x>\u{1b}
      The store holds 2026-11-01 to 2026-11-23
    ");
}

proptest! {
    #[test]
    fn whatever_strangers_write_nothing_hidden_is_drawn_and_no_line_is_forged(
        texts in prop::collection::vec("(\\p{Cc}|\\p{Cf}|\\p{Zl}|\\PC|[a-z<>@. ]){0,60}", 9), name in 0..11_usize, width in 0..200_usize,
    ) {
        let names = ["OUTGOING_EMAIL_SUBMITTED", "ORGANIZATION_EMAIL_RECEIVED", "DMARC_POLICY_APPLIED", "RULE_APPLIED", "JOURNALING_INITIATED",
            "OUTGOING_EMAIL_SENT", "OUTGOING_EMAIL_BOUNCED", "MAILBOX_EMAIL_DELIVERED", "INCOMING_EMAIL_BOUNCED", &texts[8], ""];
        let fields = json!({"from": texts[0], "sender": texts[1], "recipients": [texts[2]], "recipient": texts[2], "subject": texts[3],
            "messageId": texts[4], "folder": texts[5], "ruleName": texts[6], "ruleActions": [{"action": texts[7], "recipients": [texts[0]]}],
            "bouncedRecipient": {"emailAddress": texts[2], "status": texts[5], "reason": texts[6]}, "policy": texts[7],
            "spamVerdict": texts[5], "journalingAddress": texts[1], "targetRecipient": texts[2], "targetFolder": texts[3]});
        let log = [at(0, "t", names[name], fields)];
        let options = TableOptions { width, ..TableOptions::default() };
        // Only our own sequences are taken off: a stripping writer would hide a stranger's.
        let ours = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"];
        let (mut traces, mut events) = (Vec::new(), Vec::new());
        TraceAnswer { messages: &joined(&log), ..TraceAnswer::default() }.table(&options, &mut traces).unwrap();
        FoundEvents(&log).table(&options, &mut events).unwrap();
        let bare = |out| ours.iter().fold(String::from_utf8(out).unwrap(), |text, it| text.replace(it, ""));
        for text in [bare(traces), bare(events)] {
            prop_assert!(!text.contains(|it| it != '\n' && crate::render::sanitise::is_hidden(it)), "{text:?}");
        }
    }
}
