//! An incoming leg: checks, policies, rules, and delivery to each mailbox.

use super::body::MessageBody;
use super::bounces;
use super::flow::{Addressee, Flow, delay_ms, logged_address};
use super::outgoing;
use super::people::far_address;
use super::plan::{Direction, Fate};
use crate::event::EventName;
use crate::time::Timestamp;

const INBOX: &str = "INBOX";
const JUNK: &str = "Junk E-mail";
const OWN_FOLDERS: [&str; 6] =
    ["Projects", "Archive", "Newsletters", "Rechnungen", "顧客/見積", "Invoices 2026"];

/// The result of the checks on arrival, for the whole leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handling {
    Normal,
    ToJunk,
    /// Nothing more is delivered.
    Stopped,
}

/// The state of one arrival while it is written.
struct Arrival {
    leg: usize,
    start_ms: i64,
    /// The rows of the addressees, in their order.
    rows: Vec<usize>,
    names: Vec<String>,
    handling: Handling,
    /// The row that a rule took out.
    dropped_row: Option<usize>,
    /// The delay that rules add, in milliseconds.
    delay_ms: i64,
}

/// Writes the leg that begins when the organization receives the message.
pub(super) fn arrive(flow: &mut Flow<'_>, start_ms: i64, addressees: &[Addressee]) {
    let leg = flow.plan.leg(Direction::Incoming, start_ms, flow.random);
    let names: Vec<String> = addressees.iter().map(|it| it.address(flow.organization)).collect();
    let rows = names.iter().map(|it| flow.plan.named_row(leg, it)).collect();
    let handling = Handling::Normal;
    let mut arrival =
        Arrival { leg, start_ms, rows, names, handling, dropped_row: None, delay_ms: 0 };
    let is_plain = addressees.iter().all(|it| matches!(it, Addressee::User(_)));
    let policy = receive(flow, &arrival, is_plain);
    if let Some(policy) = policy {
        apply_policy(flow, &mut arrival, policy);
    }
    if arrival.handling == Handling::Stopped {
        return;
    }
    if flow.random.chance(250) {
        let body = MessageBody::new(flow.plan.trace_id(leg), &EventName::JournalingInitiated)
            .text("journalingAddress", &flow.organization.local("journal"))
            .end();
        let at_ms = start_ms + flow.random.ms(20, 400);
        flow.plan.event(leg, at_ms, body);
    }
    if policy.is_none() && flow.random.chance(600) {
        apply_inbound_rule(flow, &mut arrival);
    }
    if arrival.handling != Handling::Stopped {
        deliver_all(flow, &arrival, addressees);
    }
}

/// Writes the RECEIVED event. Returns the DMARC policy if the check failed.
fn receive(flow: &mut Flow<'_>, arrival: &Arrival, may_fail: bool) -> Option<&'static str> {
    let is_own = flow.is_internal;
    let random = &mut *flow.random;
    let roll = if is_own { 0 } else { random.below(1_000) };
    let spam = match roll {
        0..=929 => "PASS",
        930..=944 => "GRAY",
        945..=989 => "FAIL",
        990..=994 => "PROCESSING_FAILED",
        _ => "DISABLED",
    };
    let other = |roll: u64| match roll {
        0..=79 => "PASS",
        80..=93 => "GRAY",
        94..=98 => "FAIL",
        _ => "PROCESSING_FAILED",
    };
    let (dkim_roll, spf_roll, dmarc_roll) =
        if is_own { (0, 0, 0) } else { (random.below(100), random.below(100), random.below(100)) };
    let dmarc = match other(dmarc_roll) {
        "FAIL" if !may_fail => "GRAY",
        it => it,
    };
    let policy = (dmarc == "FAIL")
        .then(|| random.pick(&["NONE", "NONE", "QUARANTINE", "QUARANTINE", "REJECT"]));
    let logged: Vec<String> = arrival.names.iter().map(|it| logged_address(random, it)).collect();
    // The `Date` header is a little older than the arrival.
    let written_ms = arrival.start_ms - random.ms(0, 1_500);
    let written = Timestamp::from_ms(written_ms).map(|it| it.to_string());
    let plan = &mut *flow.plan;
    let body = MessageBody::new(plan.trace_id(arrival.leg), &EventName::OrganizationEmailReceived)
        .list("recipients", &logged)
        .text_if("sender", plan.sender.as_deref())
        .text("from", &plan.logged_from)
        .text("subject", &plan.subject.logged)
        .text("messageId", random.logged_id(&plan.message_id))
        .text("spamVerdict", spam)
        .text("dkimVerdict", other(dkim_roll))
        .text("dmarcVerdict", dmarc)
        .text_if("dmarcPolicy", policy)
        .text("spfVerdict", other(spf_roll))
        .text_if("messageTimestamp", written.as_deref())
        .end();
    plan.joining_event(arrival.leg, arrival.start_ms, body);
    policy
}

fn apply_policy(flow: &mut Flow<'_>, arrival: &mut Arrival, policy: &'static str) {
    let plan = &mut *flow.plan;
    let body = MessageBody::new(plan.trace_id(arrival.leg), &EventName::DmarcPolicyApplied)
        .text("from", &plan.logged_from)
        .list("recipients", &arrival.names)
        .text("policy", policy)
        .end();
    let at_ms = arrival.start_ms + flow.random.ms(0, 250);
    let event = plan.event(arrival.leg, at_ms, body);
    let fate = match policy {
        "REJECT" => Fate::Rejected,
        "QUARANTINE" => Fate::Quarantined,
        _ => return,
    };
    // A quarantined message that is kept as junk is delivered as well, and that outranks this.
    for row in &arrival.rows {
        plan.decide(*row, event, fate);
    }
    let is_kept_as_junk = fate == Fate::Quarantined && flow.random.chance(6_000);
    arrival.handling = if is_kept_as_junk { Handling::ToJunk } else { Handling::Stopped };
}

fn apply_inbound_rule(flow: &mut Flow<'_>, arrival: &mut Arrival) {
    let everybody: &[String] = &[];
    let first = arrival.names.chunks(1).next().unwrap_or(everybody);
    let (rule, action, recipients) = match flow.random.below(100) {
        0..=24 => ("Default", "DEFAULT", everybody),
        25..=34 => ("Partners", "BYPASS_SPAM_CHECK", arrival.names.as_slice()),
        35..=54 => ("Quarantine newsletters", "MOVE_TO_JUNK", arrival.names.as_slice()),
        55..=66 => ("Block executables", "DROP", everybody),
        67..=76 => ("Block executables", "DROP", arrival.names.as_slice()),
        77..=84 => ("Interns are internal", "DROP", first),
        85..=92 => ("Bounce competitors", "BOUNCE", arrival.names.as_slice()),
        _ => ("lambda: dlp-scan", "DEFAULT", everybody),
    };
    let plan = &mut *flow.plan;
    let body = MessageBody::new(plan.trace_id(arrival.leg), &EventName::RuleApplied)
        .text("ruleName", rule)
        .text("ruleType", "INBOUND_RULE")
        .rule_action(action, recipients)
        .end();
    let at_ms = arrival.start_ms + flow.random.ms(5, 300);
    let event = plan.event(arrival.leg, at_ms, body);
    match action {
        "MOVE_TO_JUNK" => arrival.handling = Handling::ToJunk,
        "DROP" if recipients.len() == 1 && arrival.rows.len() > 1 => {
            arrival.dropped_row = arrival.rows.first().copied();
            if let Some(row) = arrival.dropped_row {
                plan.decide(row, event, Fate::Dropped);
            }
        }
        "DROP" | "BOUNCE" => {
            for row in &arrival.rows {
                plan.decide(*row, event, Fate::Dropped);
            }
            arrival.handling = Handling::Stopped;
            if action == "BOUNCE" && flow.random.chance(5_000) {
                bounce_all(flow, arrival, at_ms);
            }
        }
        // A synchronous Lambda rule may retry for 240 minutes.
        _ if rule.starts_with("lambda") => arrival.delay_ms = flow.random.ms(2_000, 13_000_000),
        _ => {}
    }
}

fn bounce_all(flow: &mut Flow<'_>, arrival: &Arrival, after_ms: i64) {
    let at_ms = after_ms + flow.random.ms(1, 500);
    for (row, address) in arrival.rows.iter().zip(&arrival.names) {
        bounce(flow, arrival.leg, *row, at_ms, address, ("5.7.1", "refused by a rule".to_owned()));
    }
}

fn bounce(
    flow: &mut Flow<'_>,
    leg: usize,
    row: usize,
    at_ms: i64,
    address: &str,
    (status, reason): (&'static str, String),
) {
    let body = MessageBody::new(flow.plan.trace_id(leg), &EventName::IncomingEmailBounced)
        .bounced(address, status, &reason)
        .end();
    let event = flow.plan.event(leg, at_ms, body);
    flow.plan.decide(row, event, Fate::Bounced { status });
}

fn deliver_all(flow: &mut Flow<'_>, arrival: &Arrival, addressees: &[Addressee]) {
    let is_plain = addressees.iter().all(|it| matches!(it, Addressee::User(_)));
    let first_ms = arrival.start_ms + arrival.delay_ms + delay_ms(flow.random);
    let mut at_ms = first_ms;
    for (index, addressee) in addressees.iter().enumerate() {
        let Some(row) = arrival.rows.get(index).copied() else { continue };
        if arrival.dropped_row == Some(row) {
            continue;
        }
        // Several mailboxes often receive a message in the same millisecond.
        if flow.random.chance(5_000) {
            at_ms += flow.random.ms(1, 120);
        }
        match addressee {
            Addressee::User(_) => {
                deliver_to_user(flow, arrival, row, index, at_ms, is_plain);
            }
            Addressee::Alias(alias) => {
                let owner = flow.organization.alias_owner(*alias);
                deliver_to_member(flow, arrival, owner, at_ms);
            }
            Addressee::Group(group) => {
                for member in flow.organization.group_members(*group) {
                    deliver_to_member(flow, arrival, member, at_ms);
                }
            }
            Addressee::Everyone => {
                for member in 0..flow.organization.user_count.min(500) {
                    deliver_to_member(flow, arrival, member, at_ms);
                }
            }
            Addressee::Unknown(address) => {
                bounce(flow, arrival.leg, row, at_ms, address, bounces::unknown_user(address));
            }
        }
    }
}

fn deliver_to_user(
    flow: &mut Flow<'_>,
    arrival: &Arrival,
    row: usize,
    index: usize,
    at_ms: i64,
    may_be_lost: bool,
) {
    let Some(address) = arrival.names.get(index) else { return };
    let roll = flow.random.below(10_000);
    let scale = if flow.is_internal { 4 } else { 1 };
    if roll < 160 / scale {
        let cause = bounces::cause(flow.random, address);
        bounce(flow, arrival.leg, row, at_ms, address, cause);
        return;
    }
    // Beside a group, a missing event could not be told from the group's own.
    if may_be_lost && roll < 230 / scale {
        return;
    }
    let folder = if arrival.handling == Handling::ToJunk {
        JUNK
    } else if flow.random.chance(500) {
        apply_mailbox_rule(flow, arrival, address, at_ms)
    } else if !flow.is_internal && flow.random.chance(400) {
        JUNK
    } else {
        INBOX
    };
    delivered(flow, arrival.leg, row, address, at_ms, folder);
    // Rarely a bounce follows the delivery: then the later one counts.
    if roll > 9_995 {
        let later_ms = at_ms + flow.random.ms(0, 90_000);
        let cause = bounces::cause(flow.random, address);
        bounce(flow, arrival.leg, row, later_ms, address, cause);
    }
}

/// Delivers to a mailbox of a group or an alias, once.
fn deliver_to_member(flow: &mut Flow<'_>, arrival: &Arrival, user: u64, at_ms: i64) {
    let address = flow.organization.user(user);
    // A member may be named as well, or belong to two groups. Only the newest rows are searched:
    // a message to everyone has hundreds.
    let is_served = arrival.names.contains(&address)
        || flow
            .plan
            .rows
            .iter()
            .rev()
            .take(60)
            .any(|it| it.leg == arrival.leg && it.address == address);
    if is_served {
        return;
    }
    let at_ms = at_ms + flow.random.ms(0, 40);
    let row = flow.plan.mailbox_row(arrival.leg, &address);
    let folder = if arrival.handling == Handling::ToJunk { JUNK } else { INBOX };
    delivered(flow, arrival.leg, row, &address, at_ms, folder);
}

fn delivered(
    flow: &mut Flow<'_>,
    leg: usize,
    row: usize,
    address: &str,
    at_ms: i64,
    folder: &'static str,
) {
    let logged = logged_address(flow.random, address);
    let body = MessageBody::new(flow.plan.trace_id(leg), &EventName::MailboxEmailDelivered)
        .text("recipient", &logged)
        .text("folder", folder)
        .end();
    let event = flow.plan.event(leg, at_ms, body);
    flow.plan.decide(row, event, Fate::Delivered { folder });
}

/// Writes the event of a user's own rule. Returns the folder in which the message ends.
fn apply_mailbox_rule(
    flow: &mut Flow<'_>,
    arrival: &Arrival,
    address: &String,
    at_ms: i64,
) -> &'static str {
    let folder = flow.random.pick(&OWN_FOLDERS);
    let (rule, action, ends_in) = match flow.random.below(10) {
        0..=3 => ("Move to project folder", "Move", folder),
        4 => ("Keep a copy", "Copy", INBOX),
        5 => ("Tidy up", "Delete", "Deleted Items"),
        6 => ("Verschieben: Rechnungen", "Move", "Rechnungen"),
        7 | 8 => ("Forward while on leave", "Forward", INBOX),
        _ => ("To my private mail", "Redirect", INBOX),
    };
    let is_filing = matches!(action, "Move" | "Copy");
    let is_sending = matches!(action, "Forward" | "Redirect");
    let target = is_sending.then(|| far_address(flow.random));
    // A copy leaves the message in the inbox: the event names the copy's folder.
    let filed_in = if action == "Copy" { folder } else { ends_in };
    let plan = &mut *flow.plan;
    let body = MessageBody::new(plan.trace_id(arrival.leg), &EventName::RuleApplied)
        .text("ruleName", rule)
        .text("ruleType", "MAILBOX_RULE")
        .rule_action(action, std::slice::from_ref(address))
        .text_if("targetFolder", is_filing.then_some(filed_in))
        .text_if("targetRecipient", target.as_deref())
        .end();
    plan.event(arrival.leg, at_ms, body);
    // A redirected message keeps its message ID, so its new leg joins this message.
    if action == "Redirect"
        && !flow.is_internal
        && let Some(target) = target
    {
        let start_ms = at_ms + flow.random.ms(100, 3_000);
        outgoing::redirect(flow, start_ms, &target);
    }
    ends_in
}
