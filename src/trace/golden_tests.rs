//! Scenarios named by what happens, each with the answer that an administrator expects.

use serde_json::json;

use super::samples::*;
use super::{Message, MessageOutcome, Outcome, Recipient};
use crate::limits;
use crate::store::StoredEvent;

const BOB: &str = "bob@acme.example";
const FAR: &str = "zoe@far.example";
const MID: &str = "<m1@acme.example>";

/// The one message of a log.
fn message(events: &[StoredEvent]) -> Message {
    let mut messages = joined(events);
    assert_eq!(messages.len(), 1, "{messages:#?}");
    messages.remove(0)
}

fn row<'m>(message: &'m Message, address: &str) -> &'m Recipient {
    message.recipients.iter().find(|it| it.address.as_str() == address).unwrap()
}

/// Checks that a log's rows and its message's outcome are as told.
fn check(events: &[StoredEvent], rows: &[(&str, Outcome)], outcome: MessageOutcome) -> Message {
    let message = message(events);
    let found: Vec<_> =
        message.recipients.iter().map(|it| (it.address.as_str(), it.outcome)).collect();
    assert_eq!(found, rows);
    assert_eq!(message.outcome, outcome);
    message
}

#[test]
fn delivered_with_its_folder_and_latency() {
    let log = [received(0, "t", MID, &[BOB]), delivered(1_234, "t", BOB, "INBOX")];
    let message = check(&log, &[(BOB, Outcome::Delivered)], MessageOutcome::Delivered);
    let bob = row(&message, BOB);
    assert_eq!((bob.folder.as_deref(), bob.is_junk), (Some("INBOX"), false));
    assert_eq!((bob.latency_ms, bob.at), (Some(1_234), Some(log[1].record.timestamp)));
    assert_eq!(bob.trace_id.as_deref(), Some("t"));
    assert_eq!(message.verdicts.spam.as_deref(), Some("PASS"));
}

#[test]
fn delivered_to_junk() {
    for (folder, is_junk) in
        [("Junk E-mail", true), ("/SPAM", true), ("jUnK", true), ("INBOX", false), ("", false)]
    {
        let message = message(&[received(0, "t", MID, &[BOB]), delivered(1, "t", BOB, folder)]);
        assert_eq!(row(&message, BOB).is_junk, is_junk, "{folder}");
    }
}

#[test]
fn sent_to_another_organization() {
    let log = [submitted(0, "t", &[FAR]), sent(800, "t", MID, FAR)];
    let message = check(&log, &[(FAR, Outcome::Sent)], MessageOutcome::Delivered);
    assert_eq!(row(&message, FAR).latency_ms, Some(800));
    assert_eq!(message.message_ids[0].to_string(), MID);
}

#[test]
fn sent_within_the_organization_joins_two_legs_by_the_message_id() {
    let log = [
        submitted(0, "out", &[BOB]),
        sent(800, "out", "m1@acme.example", BOB),
        received(900, "in", MID, &[BOB]),
        delivered(1_500, "in", BOB, "INBOX"),
    ];
    let message =
        check(&log, &[(BOB, Outcome::Sent), (BOB, Outcome::Delivered)], MessageOutcome::Delivered);
    assert_eq!(message.trace_ids, ["out", "in"]);
    assert_eq!(message.message_ids.len(), 1);
    assert_eq!(message.recipients[1].latency_ms, Some(600));
}

#[test]
fn sent_but_lost_behind_the_door() {
    let log =
        [submitted(0, "out", &[BOB]), sent(1, "out", MID, BOB), received(2, "in", MID, &[BOB])];
    check(&log, &[(BOB, Outcome::Sent), (BOB, Outcome::Lost)], MessageOutcome::Failed);
}

#[test]
fn bounced_with_status_and_reason_on_the_way_in_and_out() {
    for (log, address) in [
        ([received(0, "t", MID, &[BOB]), bounced(700, "t", "INCOMING", BOB)], BOB),
        ([submitted(0, "t", &[FAR]), bounced(700, "t", "OUTGOING", FAR)], FAR),
    ] {
        let message = check(&log, &[(address, Outcome::Bounced)], MessageOutcome::Failed);
        let recipient = row(&message, address);
        assert_eq!(recipient.status.as_deref(), Some("5.2.2"));
        assert_eq!(recipient.reason.as_deref(), Some("552 5.2.2 The mailbox is over quota"));
        assert_eq!(recipient.latency_ms, Some(700));
    }
}

#[test]
fn bounced_in_the_older_shape() {
    let fields = json!({"destination": FAR, "reason": "no such user", "status": "5.1.1"});
    let log = [submitted(0, "t", &[FAR]), at(5, "t", "OUTGOING_EMAIL_BOUNCED", fields)];
    let message = check(&log, &[(FAR, Outcome::Bounced)], MessageOutcome::Failed);
    assert_eq!(row(&message, FAR).reason.as_deref(), Some("no such user"));
}

#[test]
fn of_a_bounce_and_an_arrival_the_later_counts_and_the_bounce_when_at_once() {
    for (bounced_ms, arrived_ms, is_bounced) in
        [(100, 200, false), (200, 100, true), (100, 100, true)]
    {
        let inwards = [
            received(0, "t", MID, &[BOB]),
            bounced(bounced_ms, "t", "INCOMING", BOB),
            delivered(arrived_ms, "t", BOB, "INBOX"),
        ];
        let expect = if is_bounced { Outcome::Bounced } else { Outcome::Delivered };
        assert_eq!(row(&message(&inwards), BOB).outcome, expect);
        assert_eq!(row(&message(&inwards), BOB).status.is_some(), is_bounced);
        let outwards = [
            submitted(0, "t", &[FAR]),
            bounced(bounced_ms, "t", "OUTGOING", FAR),
            sent(arrived_ms, "t", MID, FAR),
        ];
        let expect = if is_bounced { Outcome::Bounced } else { Outcome::Sent };
        assert_eq!(row(&message(&outwards), FAR).outcome, expect);
    }
}

#[test]
fn dropped_by_a_rule_that_names_the_address_or_nobody() {
    for (action, to, is_dropped) in [
        ("DROP", vec![], true),
        ("Drop email", vec!["BOB@acme.example"], true),
        ("Send bounce response", vec![BOB], true),
        ("BOUNCE", vec!["carl@acme.example"], false),
        ("MOVE_TO_JUNK", vec![], false),
    ] {
        let log = [received(0, "t", MID, &[BOB]), rule(5, "t", "INBOUND_RULE", action, &to)];
        let message = message(&log);
        let bob = row(&message, BOB);
        let expect = if is_dropped { Outcome::Dropped } else { Outcome::Lost };
        assert_eq!(bob.outcome, expect, "{action} {to:?}");
        assert_eq!(bob.rule.as_deref(), is_dropped.then_some("Quarantine"));
        assert_eq!((bob.at.is_some(), bob.latency_ms), (is_dropped, None));
    }
}

#[test]
fn dropped_on_the_way_out_makes_the_leg_outgoing() {
    let log = [
        at(0, "t", "DMARC_POLICY_APPLIED", json!({"recipients": [FAR], "policy": "NONE"})),
        rule(5, "t", "OUTBOUND_RULE", "DROP", &[]),
    ];
    let message = check(&log, &[(FAR, Outcome::Dropped)], MessageOutcome::Failed);
    assert_eq!(message.recipients[0].direction, super::Direction::Outgoing);
}

#[test]
fn a_delivery_outdoes_a_rule_and_a_policy() {
    let log = [
        received(0, "t", MID, &[BOB]),
        rule(1, "t", "INBOUND_RULE", "DROP", &[BOB]),
        dmarc(2, "t", "REJECT", &[BOB]),
        delivered(3, "t", BOB, "INBOX"),
    ];
    check(&log, &[(BOB, Outcome::Delivered)], MessageOutcome::Delivered);
}

#[test]
fn rejected_and_quarantined_by_the_senders_policy() {
    for (policy, expect) in [
        ("REJECT", Outcome::Rejected),
        ("QUARANTINE", Outcome::Quarantined),
        ("NONE", Outcome::Lost),
    ] {
        let log = [received(0, "t", MID, &[BOB]), dmarc(3, "t", policy, &[BOB])];
        let message = check(&log, &[(BOB, expect)], MessageOutcome::Failed);
        assert_eq!(row(&message, BOB).at.is_some(), expect != Outcome::Lost);
    }
}

#[test]
fn a_group_is_expanded_to_its_mailboxes() {
    let log = [
        received(0, "t", MID, &["team@acme.example"]),
        delivered(2, "t", "dora@acme.example", "INBOX"),
        delivered(3, "t", "carl@acme.example", "INBOX"),
    ];
    let message = check(
        &log,
        &[
            ("team@acme.example", Outcome::Expanded),
            ("dora@acme.example", Outcome::Delivered),
            ("carl@acme.example", Outcome::Delivered),
        ],
        MessageOutcome::Delivered,
    );
    let team = row(&message, "team@acme.example");
    let mailboxes: Vec<_> = team.mailboxes.iter().map(ToString::to_string).collect();
    assert_eq!(mailboxes, ["carl@acme.example", "dora@acme.example"]);
    assert_eq!((team.at, team.latency_ms), (None, None));
}

#[test]
fn a_named_mailbox_that_got_it_does_not_hide_one_that_did_not() {
    let log = [received(0, "t", MID, &[BOB, "eve@acme.example"]), delivered(2, "t", BOB, "INBOX")];
    check(
        &log,
        &[(BOB, Outcome::Delivered), ("eve@acme.example", Outcome::Lost)],
        MessageOutcome::Partial,
    );
}

#[test]
fn pending_becomes_lost_when_the_grace_time_has_passed() {
    let log = [received(0, "t", MID, &[BOB])];
    for (newest_ms, expect, whole) in [
        (0, Outcome::Pending, MessageOutcome::Pending),
        (limits::GRACE_MS_DEFAULT - 1, Outcome::Pending, MessageOutcome::Pending),
        (limits::GRACE_MS_DEFAULT, Outcome::Lost, MessageOutcome::Failed),
    ] {
        let messages = joined_before(&log, newest_ms);
        assert_eq!((messages[0].recipients[0].outcome, messages[0].outcome), (expect, whole));
    }
}

#[test]
fn a_message_is_pending_while_only_some_are() {
    let log = [received(0, "t", MID, &[BOB, "eve@acme.example"]), delivered(2, "t", BOB, "INBOX")];
    assert_eq!(joined_before(&log, 10)[0].outcome, MessageOutcome::Pending);
}

#[test]
fn repeated_records_count_once_and_exact_times_beat_approximate_ones() {
    let log = vec![received(0, "t", MID, &[BOB]), delivered(900, "t", BOB, "INBOX")];
    let mut approximate = log[1].clone();
    approximate.record.timestamp = log[1].record.timestamp.saturating_add_ms(60_000);
    approximate.record.is_time_approximate = true;
    let with_repeats: Vec<_> =
        log.iter().cloned().chain(log.clone()).chain([approximate]).collect();
    assert_eq!(joined(&with_repeats), joined(&log));
    assert_eq!(message(&with_repeats).events.len(), 2);
}

#[test]
fn a_leg_whose_start_is_missing_still_tells_its_deliveries() {
    let log = [delivered(5, "t", BOB, "INBOX")];
    let message = check(&log, &[(BOB, Outcome::Delivered)], MessageOutcome::Delivered);
    assert_eq!((row(&message, BOB).latency_ms, message.message_ids.len()), (Some(0), 0));
}

#[test]
fn a_rule_alone_names_no_recipient() {
    check(&[rule(0, "t", "INBOUND_RULE", "DROP", &[BOB])], &[], MessageOutcome::Unknown);
}

#[test]
fn addresses_compare_without_regard_to_case() {
    let log = [received(0, "t", MID, &["Bob@ACME.example"]), delivered(1, "t", BOB, "INBOX")];
    check(&log, &[(BOB, Outcome::Delivered)], MessageOutcome::Delivered);
}

#[test]
fn message_ids_compare_with_regard_to_case_and_empty_ones_join_nothing() {
    let apart = |one: &str, other: &str| {
        joined(&[sent(0, "a", one, FAR), received(1, "b", other, &[BOB])]).len()
    };
    assert_eq!(apart("<m@x>", "m@x"), 1);
    assert_eq!(apart("<m@x>", "<M@x>"), 2);
    assert_eq!(apart("", "<>"), 2);
}

#[test]
fn events_without_a_trace_id_stand_alone_unless_a_message_id_joins_them() {
    let nameless = |ms, to: &str| delivered(ms, "", to, "INBOX");
    assert_eq!(joined(&[nameless(0, BOB), nameless(1, FAR)]).len(), 2);
    let log = [sent(0, "", MID, FAR), received(1, "in", MID, &[BOB]), delivered(2, "in", BOB, "A")];
    let message =
        check(&log, &[(FAR, Outcome::Sent), (BOB, Outcome::Delivered)], MessageOutcome::Delivered);
    assert_eq!((message.recipients[0].trace_id.as_deref(), message.legs.len()), (None, 2));
    assert_eq!(message.trace_ids, ["in"]);
}

#[test]
fn sender_from_and_subject_come_from_the_earliest_event_that_has_them() {
    let fields = json!({"from": "boss@acme.example", "sender": "assistant@acme.example", "recipients": [FAR],
        "subject": "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?="});
    let log = [
        at(1, "t", "OUTGOING_EMAIL_SUBMITTED", fields),
        rule(0, "t", "OUTBOUND_RULE", "DEFAULT", &[]),
        sent(2, "t", MID, FAR),
    ];
    let message = message(&log);
    assert_eq!(message.from.unwrap().as_str(), "boss@acme.example");
    assert_eq!(message.sender.unwrap().as_str(), "assistant@acme.example");
    assert_eq!(message.subject.as_deref(), Some("Grüße"));
}

#[test]
fn a_blind_copy_has_a_row_though_the_arrival_does_not_name_it() {
    let log = [
        submitted(0, "out", &[BOB, "bcc@acme.example"]),
        sent(1, "out", MID, BOB),
        sent(2, "out", MID, "bcc@acme.example"),
        received(3, "in", MID, &[BOB]),
        delivered(4, "in", BOB, "INBOX"),
        delivered(5, "in", "bcc@acme.example", "INBOX"),
    ];
    let message = message(&log);
    assert_eq!(message.outcome, MessageOutcome::Delivered);
    let deciding: Vec<_> = message.deciding_recipients();
    assert!(deciding.iter().all(|it| it.outcome == Outcome::Delivered));
    assert_eq!(deciding.len(), 2);
}

#[test]
fn of_several_copies_the_last_decides_and_the_others_stay() {
    let log = [
        received(0, "direct", MID, &[BOB]),
        delivered(1, "direct", BOB, "INBOX"),
        received(500, "by-list", MID, &[BOB]),
    ];
    check(&log, &[(BOB, Outcome::Delivered), (BOB, Outcome::Lost)], MessageOutcome::Failed);
    let log = [
        received(0, "by-list", MID, &[BOB]),
        bounced(1, "by-list", "INCOMING", BOB),
        received(500, "direct", MID, &[BOB]),
        delivered(700, "direct", BOB, "INBOX"),
    ];
    check(&log, &[(BOB, Outcome::Bounced), (BOB, Outcome::Delivered)], MessageOutcome::Delivered);
}

#[test]
fn one_id_of_many_mails_makes_many_messages() {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let scan = |day: i64, to: &str, subject: &str| {
        let trace_id = format!("in-{day}-{to}");
        let fields = json!({"subject": subject, "messageId": MID, "recipients": [to]});
        at(day * DAY_MS, &trace_id, "ORGANIZATION_EMAIL_RECEIVED", fields)
    };
    let count = |log: &[StoredEvent]| joined(log).len();
    // Other subjects, or the same recipient later.
    assert_eq!(count(&[scan(0, BOB, "a"), scan(1, BOB, "b"), scan(2, FAR, "c")]), 3);
    assert_eq!(count(&[scan(0, BOB, "a"), scan(1, BOB, "a"), scan(2, BOB, "a")]), 3);
    // A subject that compares equal, or is not known, to somebody else.
    assert_eq!(count(&[scan(0, BOB, "A "), scan(1, FAR, "a")]), 1);
    assert_eq!(count(&[scan(0, BOB, "a"), received(1, "x", MID, &[FAR])]), 2);
    // Five days at most.
    assert_eq!(count(&[scan(0, BOB, "a"), scan(5, FAR, "a")]), 1);
    assert_eq!(count(&[scan(0, BOB, "a"), scan(6, FAR, "a")]), 2);
    // What went out belongs to the first.
    let log = [sent(0, "out", MID, BOB), scan(0, BOB, "a"), scan(1, BOB, "a")];
    let messages = joined(&log);
    assert_eq!(messages[0].trace_ids.len(), 2);
    assert_eq!(messages.len(), 2);
}

#[test]
fn placeholders_and_masks_join_nothing() {
    for id in ["<null>", "(None)", "N/A", "-", "<******************>"] {
        let log = [received(0, "a", id, &[BOB]), received(1, "b", id, &[FAR])];
        assert_eq!(joined(&log).len(), 2, "{id}");
    }
}

#[test]
fn several_without_an_event_beside_unnamed_mailboxes_are_unclear() {
    let log = [
        received(0, "t", MID, &["team@acme.example", BOB]),
        delivered(2, "t", "dora@acme.example", "INBOX"),
    ];
    check(
        &log,
        &[
            ("team@acme.example", Outcome::Unclear),
            (BOB, Outcome::Unclear),
            ("dora@acme.example", Outcome::Delivered),
        ],
        MessageOutcome::Partial,
    );
    // A drop that names one is an event of its own.
    let dropped = rule(1, "t", "INBOUND_RULE", "DROP", &[BOB]);
    let log = [log[0].clone(), dropped, log[1].clone()];
    let message = message(&log);
    assert_eq!(row(&message, "team@acme.example").outcome, Outcome::Expanded);
    assert_eq!(row(&message, BOB).outcome, Outcome::Dropped);
}

#[test]
fn journaling_forwards_and_unknown_events_stay_in_the_timeline_and_make_no_row() {
    let log = [
        received(0, "t", MID, &[BOB]),
        at(1, "t", "JOURNALING_INITIATED", json!({"journalingAddress": "journal@acme.example"})),
        at(
            2,
            "t",
            "RULE_APPLIED",
            json!({"ruleName": "f", "ruleType": "MAILBOX_RULE", "targetRecipient": FAR}),
        ),
        at(3, "t", "MAILBOX_EMAIL_RECALLED", json!({"recipient": "x@acme.example"})),
        delivered(4, "t", BOB, "INBOX"),
    ];
    let message = check(&log, &[(BOB, Outcome::Delivered)], MessageOutcome::Delivered);
    assert_eq!(message.events.len(), 5);
}

#[test]
fn messages_come_by_first_appearance() {
    let log = [received(5, "b", "<b@x>", &[BOB]), received(1, "a", "<a@x>", &[BOB])];
    let order: Vec<_> = joined(&log).into_iter().map(|it| it.trace_ids[0].clone()).collect();
    assert_eq!(order, ["a", "b"]);
}

#[test]
fn a_report_to_four_tells_each_fate() {
    check(
        &report_to_four(),
        &[
            (BOB, Outcome::Sent),
            ("team@acme.example", Outcome::Sent),
            (FAR, Outcome::Sent),
            (BOB, Outcome::Bounced),
            ("team@acme.example", Outcome::Expanded),
            ("carl@acme.example", Outcome::Delivered),
            ("dora@acme.example", Outcome::Delivered),
        ],
        MessageOutcome::Partial,
    );
}
