//! Audit events beside the mail, with one account that is taken over.
//!
//! They use dice of their own, so that the mail of a seed is the same with and without them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;

use serde::Serialize;
use serde_json::{Value, json};

use super::people::Organization;
use super::random::Random;
use super::{SynthError, SynthOptions, SynthSummary, Truth, generate};
use crate::limits;
use crate::source::Record;
use crate::time::Timestamp;

/// The abuse of an account that was taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TakeOver {
    /// The account's address.
    pub user: String,
    pub user_id: String,
    /// The intruder's address.
    pub ip: String,
    /// The intruder's program.
    pub agent: String,
    /// The time of the first failed sign-in.
    pub first_failed: String,
    pub failed: usize,
    /// The time of the sign-in that succeeded.
    pub signed_in: String,
    /// The name of the token that was made.
    pub token: String,
    /// The number of messages read.
    pub read: usize,
    /// The number of messages sent.
    pub sent: usize,
    /// The number of sent messages deleted from the mailbox again.
    pub deleted: usize,
    /// The time of the last message sent.
    pub last_sent: String,
}

/// The number of the take-over's audit events, by kind.
const FAILED: usize = 5;
const READ: usize = 8;
const SENT: usize = 20;
// Three single events (sign-in, access granted, token), and each message sent is deleted again.
const TAKE_OVER_EVENTS: usize = FAILED + 3 + READ + 2 * SENT;

/// Generates a log as [`generate`] does, with `audit_count` audit events in it. From
/// [`limits::SYNTH_TAKE_OVER_EVENTS_MIN`] on, one account is taken over; the mail it sends is not
/// part of the number of events asked for.
pub fn generate_with_audit(
    options: &SynthOptions,
    audit_count: u64,
    mut on_record: impl FnMut(&Record<'_>) -> io::Result<()>,
    on_truth: impl FnMut(&Truth) -> io::Result<()>,
) -> Result<(SynthSummary, Option<TakeOver>), SynthError> {
    options.check()?;
    let mut audit = AuditLog::new(options, audit_count);
    let summary = generate(
        options,
        |record| {
            audit.write_until(record.timestamp.as_ms(), &mut on_record)?;
            on_record(record)
        },
        on_truth,
    )?;
    audit.write_until(i64::MAX, &mut on_record)?;
    Ok((summary, audit.take_over))
}

/// A log message and its time.
struct Entry {
    at_ms: i64,
    is_mail: bool,
    message: Value,
}

struct AuditLog {
    organization: Organization,
    arn: String,
    audit_group: String,
    mail_group: String,
    random: Random,
    since_ms: i64,
    span_ms: i64,
    /// The number of everyday events, and how many were made so far.
    count: u64,
    made: u64,
    next: Option<Entry>,
    planned: VecDeque<Entry>,
    take_over: Option<TakeOver>,
}

/// Separates these dice from those of the mail.
const SEED_SALT: u64 = 0xA0D1_7106;

impl AuditLog {
    fn new(options: &SynthOptions, audit_count: u64) -> Self {
        let alias = &options.organization;
        let mut random = Random::new(options.seed ^ SEED_SALT);
        let mut arn = String::from("arn:aws:workmail:eu-west-1:123456789012:organization/m-");
        random.push_hex(&mut arn, 32);
        let mut log = Self {
            // The same users as in the mail, so that the two logs join.
            organization: Organization {
                domain: format!("{}.example", alias.to_ascii_lowercase()),
                user_count: options.user_count,
            },
            arn,
            audit_group: format!("/aws/vendedlogs/workmail/{alias}/audit"),
            mail_group: format!("/aws/workmail/emailevents/{alias}"),
            random,
            since_ms: options.since.as_ms(),
            span_ms: options.span_ms,
            count: audit_count,
            made: 0,
            next: None,
            planned: VecDeque::new(),
            take_over: None,
        };
        if audit_count >= limits::SYNTH_TAKE_OVER_EVENTS_MIN {
            log.count -= TAKE_OVER_EVENTS as u64;
            log.plan_take_over();
        }
        log.next = log.everyday();
        log
    }

    // Merges everyday and planned events by time, and both with the mail: records leave in order.
    fn write_until(
        &mut self,
        until_ms: i64,
        on_record: &mut dyn FnMut(&Record<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        loop {
            let everyday_ms = self.next.as_ref().map(|it| it.at_ms);
            let planned_ms = self.planned.front().map(|it| it.at_ms);
            let is_planned = planned_ms.is_some_and(|it| everyday_ms.is_none_or(|day| it <= day));
            let at_ms = if is_planned { planned_ms } else { everyday_ms };
            if at_ms.is_none_or(|it| it > until_ms) {
                return Ok(());
            }
            let entry = if is_planned {
                self.planned.pop_front()
            } else {
                let following = self.everyday();
                std::mem::replace(&mut self.next, following)
            };
            let Some(entry) = entry else { return Ok(()) };
            self.write(&entry, on_record)?;
        }
    }

    fn write(
        &mut self,
        entry: &Entry,
        on_record: &mut dyn FnMut(&Record<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        // The same form of ID as for mail.
        let mut event_id = format!("39{:013}", entry.at_ms.max(0));
        self.random.push_digits(&mut event_id, 41, b"0123456789");
        let timestamp = timestamp(entry.at_ms);
        let group = if entry.is_mail { &self.mail_group } else { &self.audit_group };
        on_record(&Record {
            log_group: Some(Cow::Borrowed(group)),
            log_stream: Some(Cow::Borrowed(if entry.is_mail {
                "workmail-take-over"
            } else {
                "audit-1"
            })),
            event_id: Some(Cow::Owned(event_id)),
            timestamp,
            is_time_approximate: false,
            ingestion_time: Some(timestamp.saturating_add_ms(self.random.ms(250, 4_000))),
            message: Cow::Owned(entry.message.to_string()),
        })
    }

    /// The next event of an ordinary day.
    fn everyday(&mut self) -> Option<Entry> {
        if self.made == self.count {
            return None;
        }
        let slot_ms = self.span_ms / i64::try_from(self.count).unwrap_or(i64::MAX).max(1);
        let made = i64::try_from(self.made).unwrap_or(i64::MAX);
        let jitter = self.random.below(slot_ms.max(1).cast_unsigned());
        // Within its own slot, so that events leave in order of time.
        let at_ms = self
            .since_ms
            .saturating_add(slot_ms.saturating_mul(made))
            .saturating_add_unsigned(jitter);
        self.made += 1;
        let user = self.organization.random_user(&mut self.random);
        let message = self.everyday_event(at_ms, user);
        Some(Entry { at_ms, is_mail: false, message })
    }

    fn everyday_event(&mut self, at_ms: i64, user: u64) -> Value {
        let ip = ip_of(user, self.random.below(3));
        let (protocol, agent) = client_of(user);
        match self.random.below(1_000) {
            0..=59 => {
                let is_failure = self.random.chance(400);
                let mut more = json!({
                    "user": self.organization.user(user), "user_agent": agent, "method": "basic",
                    "auth_successful": !is_failure,
                });
                if is_failure {
                    set(&mut more, "auth_failed_reason", json!("INVALID_CREDENTIALS"));
                }
                // A failed sign-in has a name as typed, but no user ID.
                self.event(at_ms, (!is_failure).then_some(user), protocol, &ip, more)
            }
            60..=139 => {
                let is_granted = !self.random.chance(100);
                let mut more = json!({"scope": "AccessControl", "access_granted": is_granted});
                if !is_granted {
                    set(&mut more, "rule_id", json!("deny-imap-from-outside"));
                }
                self.event(at_ms, Some(user), protocol, &ip, more)
            }
            140..=142 => {
                let more = json!({
                    "user": self.organization.user(user), "user_agent": agent, "action": "create",
                    "name": "telephone", "scopes": ["imap"],
                });
                self.event(at_ms, Some(user), "webapp", &ip, more)
            }
            143..=160 => {
                let more = json!({
                    "type": "EWS", "domain": "partner.example",
                    "ews_endpoint": "https://ews.partner.example/ews/exchange.asmx",
                    "availability_event_successful": !self.random.chance(500),
                });
                let mut event = self.event(at_ms, None, "EWS", &ip, more);
                unset(&mut event, &["protocol", "source_ip"]);
                event
            }
            _ => {
                // One event in fifty is in the mailbox of somebody else.
                let owner = if self.random.chance(200) { user.wrapping_add(1) } else { user };
                let action = self.random.pick(&[
                    "read",
                    "read",
                    "read",
                    "read_summary",
                    "read_hierarchy",
                    "update_read_state",
                    "create",
                    "move",
                    "delete",
                    "read_attachment",
                ]);
                let more = self.access(action, owner, agent);
                self.event(at_ms, Some(user), protocol, &ip, more)
            }
        }
    }

    fn access(&mut self, action: &str, owner: u64, agent: &str) -> Value {
        let mut item = String::from("AAMk");
        self.random.push_digits(
            &mut item,
            60,
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        );
        item.push('=');
        let folder =
            self.random.pick(&["/Inbox", "/Inbox", "/Sent Items", "/Calendar", "/Deleted Items"]);
        json!({
            "user_agent": agent, "action": action, "owner_id": user_id(owner),
            "object_type": "Message", "item_id": item, "folder_path": folder, "action_allowed": true,
        })
    }

    fn event(
        &mut self,
        at_ms: i64,
        user: Option<u64>,
        protocol: &str,
        ip: &str,
        more: Value,
    ) -> Value {
        let mut request = String::new();
        self.random.push_uuid(&mut request);
        let mut event = json!({
            "event_timestamp": at_ms, "request_id": request, "organization_arn": self.arn,
        });
        if let Some(user) = user {
            set(&mut event, "user_id", json!(user_id(user)));
        }
        set(&mut event, "protocol", json!(protocol));
        set(&mut event, "source_ip", json!(ip));
        if let Value::Object(more) = more {
            more.into_iter().for_each(|(key, value)| set(&mut event, &key, value));
        }
        event
    }

    /// Plans a take-over: failed sign-ins, a successful one, a token, reading, a burst of mail,
    /// and the traces deleted.
    fn plan_take_over(&mut self) {
        const AGENT: &str = "python-imaplib";
        let user = self.organization.random_user(&mut self.random);
        let address = self.organization.user(user);
        let ip = format!("203.0.113.{}", 1 + self.random.below(254));
        let start_ms = self.since_ms.saturating_add(self.span_ms / 10 * 6);
        let mut at_ms = start_ms;
        let sign_in = |is_success: bool| {
            let mut more = json!({
                "user": address, "user_agent": AGENT, "method": "basic",
                "auth_successful": is_success,
            });
            if !is_success {
                set(&mut more, "auth_failed_reason", json!("INVALID_CREDENTIALS"));
            }
            more
        };
        for _ in 0..FAILED {
            let event = self.event(at_ms, None, "IMAP", &ip, sign_in(false));
            self.plan(at_ms, event);
            at_ms += self.random.ms(5_000, 15_000);
        }
        let signed_in_ms = at_ms;
        let event = self.event(at_ms, Some(user), "IMAP", &ip, sign_in(true));
        self.plan(at_ms, event);
        let granted = json!({"scope": "AccessControl", "access_granted": true});
        let event = self.event(at_ms + 40, Some(user), "IMAP", &ip, granted);
        self.plan(at_ms + 40, event);
        at_ms += 30_000;
        let token = json!({
            "user": address, "user_agent": "python-requests/2.32", "action": "create",
            "name": "backup", "scopes": ["imap", "smtp"],
        });
        let event = self.event(at_ms, Some(user), "webapp", &ip, token);
        self.plan(at_ms, event);
        for _ in 0..READ {
            at_ms += self.random.ms(3_000, 9_000);
            let more = self.access("read", user, AGENT);
            let event = self.event(at_ms, Some(user), "IMAP", &ip, more);
            self.plan(at_ms, event);
        }
        let mut last_sent_ms = at_ms;
        for number in 0..SENT {
            at_ms += self.random.ms(4_000, 8_000);
            last_sent_ms = at_ms;
            let mut more = self.access("submit_email_for_sending", user, AGENT);
            set(&mut more, "folder_path", json!("/Outbox"));
            let item = more.get("item_id").cloned().unwrap_or(Value::Null);
            let event = self.event(at_ms, Some(user), "SMTP", &ip, more);
            self.plan(at_ms, event);
            self.plan_mail(at_ms + 300, number, &address);
            let mut more = self.access("delete", user, AGENT);
            set(&mut more, "item_id", item);
            set(&mut more, "folder_path", json!("/Sent Items"));
            let event = self.event(at_ms + 2_500, Some(user), "IMAP", &ip, more);
            self.plan(at_ms + 2_500, event);
        }
        let mut planned: Vec<Entry> = std::mem::take(&mut self.planned).into();
        planned.sort_by_key(|it| it.at_ms);
        self.planned = planned.into();
        let shown = |ms| timestamp(ms).to_string();
        self.take_over = Some(TakeOver {
            user: address,
            user_id: user_id(user),
            ip,
            agent: AGENT.to_owned(),
            first_failed: shown(start_ms),
            failed: FAILED,
            signed_in: shown(signed_in_ms),
            token: "backup".to_owned(),
            read: READ,
            sent: SENT,
            deleted: SENT,
            last_sent: shown(last_sent_ms),
        });
    }

    fn plan(&mut self, at_ms: i64, message: Value) {
        self.planned.push_back(Entry { at_ms, is_mail: false, message });
    }

    /// The email events of one message of the burst.
    fn plan_mail(&mut self, at_ms: i64, number: usize, from: &str) {
        let mut trace_id = String::new();
        self.random.push_uuid(&mut trace_id);
        let to = format!("customer{number}@far.example");
        let submitted = json!({"traceId": trace_id, "event": {
            "eventName": "OUTGOING_EMAIL_SUBMITTED", "recipients": [to], "from": from,
            "subject": "Our new bank details",
        }});
        let sent = json!({"traceId": trace_id, "event": {
            "eventName": "OUTGOING_EMAIL_SENT", "recipient": to, "from": from,
            "messageId": format!("<{trace_id}@{}>", self.organization.domain),
        }});
        self.planned.push_back(Entry { at_ms, is_mail: true, message: submitted });
        self.planned.push_back(Entry { at_ms: at_ms + 900, is_mail: true, message: sent });
    }
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms).unwrap_or(Timestamp::MIN)
}

fn set(event: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = event {
        members.insert(key.to_owned(), value);
    }
}

fn unset(event: &mut Value, keys: &[&str]) {
    if let Value::Object(members) = event {
        members.retain(|it, _| !keys.contains(&it.as_str()));
    }
}

/// A user's ID, always the same: it depends on the user alone, not on the log's seed.
fn user_id(user: u64) -> String {
    let mut dice = Random::new(user.wrapping_add(SEED_SALT));
    let mut id = String::new();
    dice.push_uuid(&mut id);
    id
}

/// One of a user's addresses.
fn ip_of(user: u64, place: u64) -> String {
    match place {
        0 => format!("192.0.2.{}", 1 + user % 254),
        _ => format!("198.51.100.{}", 1 + user / 7 % 254),
    }
}

fn client_of(user: u64) -> (&'static str, &'static str) {
    match user % 4 {
        0 => ("IMAP", "Mozilla/5.0 (X11; Linux x86_64) Thunderbird/140.0"),
        1 => ("ActiveSync", "Apple-iPhone16C1/2301.355"),
        2 => ("WebMail", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/145.0"),
        _ => ("WindowsOutlook", "Microsoft Office/16.0 (Outlook 16.0)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(seed: u64, events: u64, audit: u64) -> (Vec<(i64, String)>, Option<TakeOver>) {
        let options = SynthOptions { event_count: events, seed, ..SynthOptions::default() };
        let mut records = Vec::new();
        let (_, take_over) = generate_with_audit(
            &options,
            audit,
            |it| {
                records.push((it.timestamp.as_ms(), it.message.clone().into_owned()));
                Ok(())
            },
            |_| Ok(()),
        )
        .unwrap();
        (records, take_over)
    }

    #[test]
    fn a_seed_gives_one_log_in_order_of_time_and_the_mail_is_that_without_audit() {
        let (records, take_over) = made(7, 200, 300);
        assert_eq!((&records, &take_over), (&made(7, 200, 300).0, &made(7, 200, 300).1));
        assert!(records.is_sorted_by_key(|it| it.0));
        let is_audit = |it: &&(i64, String)| it.1.contains("organization_arn");
        assert_eq!(records.iter().filter(is_audit).count(), 300);
        let (plain, none) = made(7, 200, 0);
        assert_eq!(none, None);
        assert!(plain.iter().all(|it| records.contains(it)));
        let take_over = take_over.unwrap();
        let sent = records.iter().filter(|it| it.1.contains("Our new bank details")).count();
        assert_eq!(sent, take_over.sent);
        let of_attacker = records.iter().filter(|it| it.1.contains(&take_over.ip)).count();
        assert_eq!(of_attacker, TAKE_OVER_EVENTS);
    }
}
