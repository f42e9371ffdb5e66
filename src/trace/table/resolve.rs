//! Resolves the rows that the table leaves open, by the directory.

use super::listing::{ListedMessage, ListedRow};
use crate::directory::Directory;
use crate::time::Timestamp;
use crate::trace::message::Outcome;
use crate::trace::silence::{KnownAddresses, Lead, Silence};

/// Decides again for silent recipients, as the judge does; what is lost may still be pending.
/// `None` if the originals must be read: the table does not know which mailboxes a leg names.
pub(super) fn resolve(
    message: &mut ListedMessage,
    directory: &Directory,
    known: &KnownAddresses,
) -> Option<()> {
    let is_silent =
        |it: &ListedRow| matches!(it.outcome, Outcome::Expanded | Outcome::Unclear | Outcome::Lost);
    let segment = message.segment;
    let has_known = |it: &ListedRow| is_silent(it) && known.get(segment, it.address()).is_some();
    // Nearly always the directory knows none of them.
    if message.needs_originals || !message.rows.iter().any(has_known) {
        return Some(());
    }
    for leg in 0..message.legs.len() {
        let is_of_leg = |it: &&ListedRow| usize::from(it.entry.bits.leg) == leg;
        let rows: Vec<ListedRow> = message.rows.iter().filter(is_of_leg).copied().collect();
        let text = |it: &ListedRow| known.get(segment, it.address());
        let at = rows.first().and_then(|it| Timestamp::from_ms(it.started_ms));
        let at = at.unwrap_or(Timestamp::MIN);
        let delivered = || rows.iter().filter(|it| it.outcome == Outcome::Delivered);
        let lead = |it: &ListedRow| match text(it) {
            Some(address) => Lead::of(address, delivered().filter_map(text), directory, at),
            None => Lead::Unknown,
        };
        let silent: Vec<&ListedRow> = rows.iter().filter(|it| is_silent(it)).collect();
        let leads: Vec<Lead> = silent.iter().map(|it| lead(it)).collect();
        let silence = Silence::of(leads.iter().copied());
        if !silence.is_any_known {
            continue;
        }
        // A mailbox that got the message and bounced it later: the table does not say whether this
        // leg or another delivered it.
        if rows.iter().any(|it| it.outcome == Outcome::Bounced && it.entry.bits.was_delivered) {
            return None;
        }
        let is_explained = |mailbox: &ListedRow| {
            let mut addresses = silent.iter().filter_map(|it| text(it));
            let mailbox = text(mailbox);
            mailbox.is_some_and(|to| addresses.any(|it| directory.leads_to(it, to, at)))
        };
        // The judge stored something other than lost only if some mailbox was not named.
        let has_unnamed = silent.iter().any(|it| it.outcome != Outcome::Lost);
        let may_be_unexplained = has_unnamed && !delivered().all(is_explained);
        let mut outcomes = Vec::with_capacity(silent.len());
        for lead in leads {
            let outcome = silence.outcome(lead, false);
            // Both answers are tried; only if they differ does it matter whether a mailbox is
            // named.
            if may_be_unexplained && silence.outcome(lead, true) != outcome {
                return None;
            }
            // `read` turns it into pending where that is due.
            outcomes.push(outcome.unwrap_or(Outcome::Lost));
        }
        let of_leg = message.rows.iter_mut().filter(|it| usize::from(it.entry.bits.leg) == leg);
        // Same filter and order as `silent`, so that each outcome meets its row.
        for (row, outcome) in of_leg.filter(|it| is_silent(it)).zip(outcomes) {
            row.outcome = outcome;
        }
    }
    Some(())
}
