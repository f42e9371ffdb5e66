//! The values of an event that are each one of few, together in one term.
//!
//! Verdicts, folders and the like repeat from event to event, and so do their combinations: a
//! single term for all of them costs an import a tenth of what a term for each would, and a search
//! for one value reads only the few hundred combinations that exist.

use std::borrow::Cow;

use crate::event::{Address, Event, EventName, Role, RoleKind, cause_of};
use crate::limits;
use crate::source::Record;
use crate::store::words::folded;

use super::term::truncate_term;

/// The kind of a value that is one of few. The numbers are part of the terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Attribute {
    /// The event's name.
    Event = 1,
    /// `ruleName`.
    Rule = 2,
    /// `ruleType`.
    RuleType = 3,
    /// The actions of `ruleActions`.
    Action = 4,
    /// The folder of a delivery or of a rule's target.
    Folder = 5,
    /// `spamVerdict`.
    Spam = 6,
    /// `dkimVerdict`.
    Dkim = 7,
    /// `dmarcVerdict`.
    Dmarc = 8,
    /// `spfVerdict`.
    Spf = 9,
    /// `policy` and `dmarcPolicy`.
    Policy = 10,
    /// The status of a bounce.
    Status = 11,
    /// The log group.
    LogGroup = 12,
    /// The role of the event, [`Role`], as two hexadecimal digits.
    Role = 13,
    /// The cause of a bounce: [`cause_of`] its reason, in its original case.
    Cause = 14,
    /// The addresses of `targetRecipient`, in the form in which addresses compare.
    Target = 15,
}

impl Attribute {
    /// The most values of this kind that an event has: a reader with that many can skip the rest of
    /// the term.
    pub(super) fn values_max(self) -> usize {
        match self {
            Self::Action | Self::Folder | Self::Policy | Self::Target => usize::MAX,
            _ => 1,
        }
    }
}

/// Bytes of a term; attributes beyond them go into another term.
const TERM_BYTES: usize = 16 << 10;

/// Calls `add` with the terms for the attributes of an event: usually one. Values are in lower
/// case, except causes and targets.
pub(super) fn attribute_terms(
    record: &Record<'_>,
    event: &Event<'_>,
    term: &mut Vec<u8>,
    mut add: impl FnMut(&[u8]),
) {
    let verdicts = &event.verdicts;
    let single = [
        (Attribute::Event, Some(event.name.as_str())),
        (Attribute::Rule, event.rule_name.as_deref()),
        (Attribute::RuleType, event.rule_type.as_deref()),
        (Attribute::Folder, event.folder.as_deref()),
        (Attribute::Folder, event.target_folder.as_deref()),
        (Attribute::Spam, verdicts.spam.as_deref()),
        (Attribute::Dkim, verdicts.dkim.as_deref()),
        (Attribute::Dmarc, verdicts.dmarc.as_deref()),
        (Attribute::Spf, verdicts.spf.as_deref()),
        (Attribute::Policy, event.policy.as_deref()),
        (Attribute::Policy, verdicts.dmarc_policy.as_deref()),
        (Attribute::Status, event.status.as_deref()),
        (Attribute::LogGroup, record.log_group.as_deref()),
    ];
    let actions = event.rule_actions.iter().map(|it| (Attribute::Action, it.action.as_ref()));
    let values = single.into_iter().filter_map(|(attribute, value)| Some((attribute, value?)));
    let cause = event.reason.as_deref().map(cause_of);
    let role = format!("{:02x}", role_of(record, event, cause.as_deref()).to_bits());
    let cause = cause.as_deref().map(|it| (Attribute::Cause, it));
    term.clear();
    let targets = event.target_recipient.iter().map(|it| (Attribute::Target, it.as_str()));
    let role = [(Attribute::Role, role.as_str())];
    // The role follows the single values, the event's name first, which are cut and together never
    // fill a term. So the first term of each event, and no other, has its role and its name:
    // readers rely on that.
    let values = values.chain(role).chain(cause).chain(actions).chain(targets);
    for (attribute, value) in values {
        let value = match attribute {
            Attribute::Cause | Attribute::Target => Cow::Borrowed(value),
            _ => folded(value),
        };
        let value = truncate_term(&value).as_bytes();
        if value.is_empty() {
            continue;
        }
        if term.len() + value.len() > TERM_BYTES {
            add(term);
            term.clear();
        }
        // `truncate_term` has cut the value, so its length fits into two bytes.
        const { assert!(limits::TERM_BYTES_MAX <= u16::MAX as usize) };
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        term.push(attribute as u8);
        term.extend_from_slice(&length.to_be_bytes());
        term.extend_from_slice(value);
    }
    if !term.is_empty() {
        add(term);
    }
}

/// The role of an event as far as the index can represent it; otherwise the role is partial, and
/// readers turn to the event itself.
fn role_of(record: &Record<'_>, event: &Event<'_>, cause: Option<&str>) -> Role {
    let role = Role::of(event);
    let is_cut = |it: &Address<'_>| it.as_str().len() > limits::TERM_BYTES_MAX;
    let addresses = event.all_recipients().chain(&event.from).chain(&event.sender);
    // The term has both folders, but not which is which.
    let has_other_folder = role.kind == RoleKind::Delivered && event.target_folder.is_some();
    let is_partial = role.is_partial
        || record.is_time_approximate
        || event.trace_id.is_empty()
        || { addresses }.any(is_cut)
        || has_other_folder
        || cause.is_some_and(|it| it.len() > limits::TERM_BYTES_MAX)
        || has_long_values(event);
    Role { is_partial, ..role }
}

/// True if a value, or all of them together, may be longer than a term.
fn has_long_values(event: &Event<'_>) -> bool {
    /// Folding turns one byte into three at most.
    const VALUE_BYTES: usize = limits::TERM_BYTES_MAX / 3;
    const VALUES_BYTES: usize = TERM_BYTES / 4;
    let verdicts = &event.verdicts;
    let single = [
        &event.rule_name,
        &event.rule_type,
        &event.folder,
        &event.target_folder,
        &verdicts.spam,
        &verdicts.dkim,
        &verdicts.dmarc,
        &verdicts.spf,
        &verdicts.dmarc_policy,
        &event.policy,
        &event.status,
    ];
    let lengths = single.into_iter().flatten().map(|it| it.len());
    let lengths = lengths.chain(event.rule_actions.iter().map(|it| it.action.len()));
    let lengths = lengths.chain(event.target_recipient.iter().map(|it| it.as_str().len()));
    let (mut total, mut longest) = (event.name.as_str().len(), event.name.as_str().len());
    for length in lengths {
        total += length;
        longest = longest.max(length);
    }
    longest > VALUE_BYTES || total > VALUES_BYTES
}

/// The role in a term.
pub(super) fn role_in(term: &[u8]) -> Option<Role> {
    let value = attribute_values(term, Attribute::Role).next()?;
    u8::from_str_radix(&value, 16).ok().map(Role::from_bits)
}

/// True if a term is that of an event which says that the organization received a message. The name
/// alone is not enough: an unknown one may be the same but for case.
pub(super) fn is_arrival(term: &[u8], role: Role) -> bool {
    let name = folded(EventName::OrganizationEmailReceived.as_str()).into_owned();
    role.kind == RoleKind::Named
        && attribute_values(term, Attribute::Event).next().is_some_and(|it| it == name)
}

/// The values of one attribute in a term.
pub fn attribute_values(term: &[u8], attribute: Attribute) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = term;
    std::iter::from_fn(move || {
        let ([tag, l0, l1], after) = rest.split_first_chunk()?;
        let (value, after) = after.split_at_checked(usize::from(u16::from_be_bytes([*l0, *l1])))?;
        rest = after;
        Some((*tag, value))
    })
    .filter(move |(tag, _)| *tag == attribute as u8)
    .map(|(_, value)| String::from_utf8_lossy(value))
}
