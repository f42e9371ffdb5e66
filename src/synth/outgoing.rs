//! An outgoing leg: submitted once, then sent or bounced for each recipient.

use super::body::MessageBody;
use super::bounces;
use super::flow::{Addressee, Flow, delay_ms, logged_address};
use super::plan::{Direction, Fate};
use crate::event::EventName;

/// The state of one submission while it is written.
struct Submission {
    leg: usize,
    start_ms: i64,
    names: Vec<String>,
    rows: Vec<usize>,
    /// The number of names, from the front, that are outside the organization.
    far_count: usize,
}

/// Writes the leg of a message that a user submits. Returns the inside recipients it was sent to,
/// and the time of the first of these events.
pub(super) fn submit(
    flow: &mut Flow<'_>,
    start_ms: i64,
    far: &[String],
    inside: &[Addressee],
) -> Option<(i64, Vec<Addressee>)> {
    let leg = flow.plan.leg(Direction::Outgoing, start_ms, flow.random);
    let mut names = far.to_vec();
    names.extend(inside.iter().map(|it| it.address(flow.organization)));
    let rows: Vec<usize> = names.iter().map(|it| flow.plan.named_row(leg, it)).collect();
    let submission = Submission { leg, start_ms, names, rows, far_count: far.len() };
    submitted(flow, &submission);
    let stopped_count =
        if flow.random.chance(400) { apply_outbound_rule(flow, &submission) } else { 0 };
    let mut arrived = Vec::new();
    let mut first_sent_ms = None;
    let mut at_ms = start_ms + delay_ms(flow.random);
    for index in stopped_count..submission.names.len() {
        if flow.random.chance(4_000) {
            at_ms += flow.random.ms(1, 400);
        }
        let inside_index = index.checked_sub(submission.far_count);
        let is_sent = send(flow, &submission, index, at_ms, inside_index.is_some());
        if let Some(addressee) = inside_index.and_then(|it| inside.get(it))
            && is_sent
        {
            first_sent_ms.get_or_insert(at_ms);
            arrived.push(addressee.clone());
        }
    }
    first_sent_ms.map(|it| (it, arrived))
}

/// Writes the leg by which a mailbox rule sends a message on, under the same message ID.
pub(super) fn redirect(flow: &mut Flow<'_>, start_ms: i64, target: &str) {
    let leg = flow.plan.leg(Direction::Outgoing, start_ms, flow.random);
    let rows = vec![flow.plan.named_row(leg, target)];
    let submission =
        Submission { leg, start_ms, names: vec![target.to_owned()], rows, far_count: 1 };
    submitted(flow, &submission);
    let at_ms = start_ms + delay_ms(flow.random);
    send(flow, &submission, 0, at_ms, false);
}

fn submitted(flow: &mut Flow<'_>, submission: &Submission) {
    let random = &mut *flow.random;
    let logged: Vec<String> =
        submission.names.iter().map(|it| logged_address(random, it)).collect();
    let plan = &mut *flow.plan;
    let body = MessageBody::new(plan.trace_id(submission.leg), &EventName::OutgoingEmailSubmitted)
        .list("recipients", &logged)
        .text_if("sender", plan.sender.as_deref())
        .text("from", &plan.logged_from)
        .text("subject", &plan.subject.logged)
        .end();
    plan.event(submission.leg, submission.start_ms, body);
}

/// Writes an outbound rule's event. Returns the number of recipients, from the front, that the
/// rule stopped.
fn apply_outbound_rule(flow: &mut Flow<'_>, submission: &Submission) -> usize {
    let (far, _) = submission.names.split_at(submission.far_count);
    let everybody: &[String] = &[];
    let all_count = submission.names.len();
    let (rule, action, recipients, stopped_count) = match flow.random.below(10) {
        0..=3 => ("Default", "DEFAULT", everybody, 0),
        4 | 5 => ("Route via gateway", "SMTP_GATEWAY", submission.names.as_slice(), 0),
        6 | 7 if !far.is_empty() => ("Nothing leaves the house", "DROP", far, far.len()),
        8 => ("Card numbers", "DROP", everybody, all_count),
        _ => ("Card numbers", "BOUNCE", submission.names.as_slice(), all_count),
    };
    let plan = &mut *flow.plan;
    let body = MessageBody::new(plan.trace_id(submission.leg), &EventName::RuleApplied)
        .text("ruleName", rule)
        .text("ruleType", "OUTBOUND_RULE")
        .rule_action(action, recipients)
        .end();
    let at_ms = submission.start_ms + flow.random.ms(5, 300);
    let event = plan.event(submission.leg, at_ms, body);
    let is_told = action == "BOUNCE" && flow.random.chance(5_000);
    for index in 0..stopped_count {
        if let Some(row) = submission.rows.get(index) {
            flow.plan.decide(*row, event, Fate::Dropped);
        }
        if is_told {
            let cause = ("5.7.1", "550 5.7.1 refused by an outbound rule".to_owned());
            bounced(flow, submission, index, at_ms + 40, cause);
        }
    }
    stopped_count
}

/// Sends to one recipient, or fails to. Returns true if it was sent.
fn send(
    flow: &mut Flow<'_>,
    submission: &Submission,
    index: usize,
    at_ms: i64,
    is_inside: bool,
) -> bool {
    let (Some(address), Some(row)) = (submission.names.get(index), submission.rows.get(index))
    else {
        return false;
    };
    let roll = flow.random.below(10_000);
    let scale = if is_inside { 10 } else { 1 };
    if roll < 450 / scale {
        let cause = bounces::cause(flow.random, address);
        // Temporary failures are retried for hours before the bounce.
        let retried_ms =
            if cause.0.starts_with('4') { flow.random.ms(600_000, 20_000_000) } else { 0 };
        bounced(flow, submission, index, at_ms + retried_ms, cause);
        return false;
    }
    if roll < 530 / scale {
        return false;
    }
    let logged = logged_address(flow.random, address);
    let plan = &mut *flow.plan;
    let body = MessageBody::new(plan.trace_id(submission.leg), &EventName::OutgoingEmailSent)
        .text("recipient", &logged)
        .text_if("sender", plan.sender.as_deref())
        .text("from", &plan.logged_from)
        .text("messageId", flow.random.logged_id(&plan.message_id))
        .end();
    let event = plan.joining_event(submission.leg, at_ms, body);
    plan.decide(*row, event, Fate::Sent);
    if !is_inside && roll > 9_970 {
        // The next server accepted it, and bounced it later.
        let later_ms = at_ms + flow.random.ms(0, 1_800_000);
        let cause = bounces::cause(flow.random, address);
        bounced(flow, submission, index, later_ms, cause);
    }
    true
}

fn bounced(
    flow: &mut Flow<'_>,
    submission: &Submission,
    index: usize,
    at_ms: i64,
    (status, reason): (&'static str, String),
) {
    let (Some(address), Some(row)) = (submission.names.get(index), submission.rows.get(index))
    else {
        return;
    };
    let body =
        MessageBody::new(flow.plan.trace_id(submission.leg), &EventName::OutgoingEmailBounced);
    // The guide's table and its queries disagree on the shape, so both occur.
    let body = if flow.random.chance(7_500) {
        body.bounced(address, status, &reason)
    } else {
        body.text("destination", address).text("status", status).text("reason", &reason)
    };
    let event = flow.plan.event(submission.leg, at_ms, body.end());
    flow.plan.decide(*row, event, Fate::Bounced { status });
}
