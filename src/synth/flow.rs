//! Chooses the kind of the next message, and what its legs have in common.

use super::message_ids::{far_message_id, own_message_id};
use super::people::{Organization, far_address};
use super::plan::Plan;
use super::random::Random;
use super::subjects::subject;
use super::{incoming, outgoing};

/// A recipient inside the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Addressee {
    User(u64),
    Group(usize),
    Everyone,
    Alias(usize),
    /// An address without a mailbox.
    Unknown(String),
}

impl Addressee {
    pub(super) fn address(&self, organization: &Organization) -> String {
        match self {
            Self::User(index) => organization.user(*index),
            Self::Group(index) => organization.group(*index),
            Self::Everyone => organization.local("everyone"),
            Self::Alias(index) => organization.alias(*index),
            Self::Unknown(address) => address.clone(),
        }
    }
}

/// The state shared by the functions that write one message.
pub(super) struct Flow<'a> {
    pub(super) plan: &'a mut Plan,
    pub(super) random: &'a mut Random,
    pub(super) organization: &'a Organization,
    /// True if a user of the organization wrote the message.
    pub(super) is_internal: bool,
}

/// The most recipients of one message: WorkMail's own bound.
const RECIPIENTS_MAX: u64 = 500;

/// Plans the whole way of a message that starts at `start_ms`.
pub(super) fn plan_message(
    random: &mut Random,
    organization: &Organization,
    start_ms: i64,
) -> Plan {
    let mut plan = Plan { subject: subject(random), ..Plan::default() };
    let kind = random.below(1_000);
    let is_internal = kind >= 580;
    if is_internal {
        plan.from = organization.user(organization.random_user(random));
        plan.message_id = own_message_id(random);
    } else {
        plan.from = far_address(random);
        plan.message_id = far_message_id(random, start_ms, &plan.from);
    }
    plan.logged_from = logged_from(random, &plan.from);
    if random.chance(if is_internal { 500 } else { 200 }) {
        plan.sender = Some(if is_internal {
            organization.user(organization.random_user(random))
        } else {
            far_address(random)
        });
    }
    let mut flow = Flow { plan: &mut plan, random, organization, is_internal };
    match kind {
        // No recipients: only the arrival is logged.
        0 => incoming::arrive(&mut flow, start_ms, &[]),
        1..=579 => {
            let addressees = addressees(&mut flow);
            incoming::arrive(&mut flow, start_ms, &addressees);
        }
        580..=729 => {
            let inside = addressees(&mut flow);
            submit_and_arrive(&mut flow, start_ms, &[], &inside);
        }
        730..=939 => {
            let far = far_recipients(&mut flow);
            submit_and_arrive(&mut flow, start_ms, &far, &[]);
        }
        _ => {
            let far = far_recipients(&mut flow);
            let inside = addressees(&mut flow);
            submit_and_arrive(&mut flow, start_ms, &far, &inside);
        }
    }
    plan
}

fn submit_and_arrive(flow: &mut Flow<'_>, start_ms: i64, far: &[String], inside: &[Addressee]) {
    let Some((sent_ms, arrived)) = outgoing::submit(flow, start_ms, far, inside) else { return };
    // Now and then the second leg is missing, as when logging was interrupted.
    if !flow.random.chance(30) {
        let arrival_ms = sent_ms + flow.random.ms(50, 2_500);
        incoming::arrive(flow, arrival_ms, &arrived);
    }
}

fn recipient_count(random: &mut Random) -> u64 {
    match random.below(10_000) {
        0..=7_899 => 1,
        7_900..=9_699 => random.between(2, 5),
        9_700..=9_979 => random.between(6, 30),
        9_980..=9_996 => random.between(31, 120),
        _ => random.between(121, RECIPIENTS_MAX),
    }
}

fn far_recipients(flow: &mut Flow<'_>) -> Vec<String> {
    let count = recipient_count(flow.random).min(100);
    let mut far: Vec<String> = Vec::new();
    for _ in 0..count {
        let address = far_address(flow.random);
        if !far.contains(&address) {
            far.push(address);
        }
    }
    far
}

fn addressees(flow: &mut Flow<'_>) -> Vec<Addressee> {
    let user_count = flow.organization.user_count.max(1);
    let count = recipient_count(flow.random).min(user_count);
    if count > 5 {
        // Neighbours are distinct without a search.
        let first = flow.random.below(user_count);
        return (0..count).map(|it| Addressee::User((first + it) % user_count)).collect();
    }
    let mut addressees: Vec<Addressee> = Vec::new();
    for _ in 0..count {
        let addressee = addressee(flow);
        if !addressees.contains(&addressee) {
            addressees.push(addressee);
        }
    }
    addressees
}

fn addressee(flow: &mut Flow<'_>) -> Addressee {
    let random = &mut *flow.random;
    match random.below(1_000) {
        0..=919 => Addressee::User(flow.organization.random_user(random)),
        920..=949 => Addressee::Group(Organization::random_group(random)),
        950..=950 => Addressee::Everyone,
        951..=984 => Addressee::Alias(Organization::random_alias(random)),
        _ => {
            let mut address = String::from("former.");
            random.push_digits(&mut address, 6, b"abcdefghijklmnopqrstuvwxyz");
            address.push('@');
            address.push_str(&flow.organization.domain);
            Addressee::Unknown(address)
        }
    }
}

/// The duration of one step, in milliseconds: mostly moments, rarely hours.
pub(super) fn delay_ms(random: &mut Random) -> i64 {
    match random.below(1_000) {
        0..=879 => random.ms(80, 2_500),
        880..=969 => random.ms(2_500, 45_000),
        970..=994 => random.ms(45_000, 1_800_000),
        _ => random.ms(1_800_000, 17_000_000),
    }
}

/// An address as some client wrote it: now and then capitalised.
pub(super) fn logged_address(random: &mut Random, address: &str) -> String {
    if !random.chance(300) {
        return address.to_owned();
    }
    let mut is_start = true;
    address
        .chars()
        .map(|it| {
            let logged = if is_start { it.to_ascii_uppercase() } else { it };
            is_start = matches!(it, '.' | '@');
            logged
        })
        .collect()
}

fn logged_from(random: &mut Random, address: &str) -> String {
    let logged = logged_address(random, address);
    if random.chance(400) {
        let name = random.pick(&["Ana Ruiz", "\"Keller, Greta\"", "営業部", "Support ☎"]);
        return format!("{name} <{logged}>");
    }
    logged
}

impl Random {
    /// A message ID as it is logged: no public source says whether with its brackets.
    pub(super) fn logged_id<'a>(&mut self, message_id: &'a str) -> &'a str {
        if self.chance(1_000) {
            message_id.trim_start_matches('<').trim_end_matches('>')
        } else {
            message_id
        }
    }
}
