//! Addresses for which every message bounces.

use super::pass::Period;
use super::{Desk, Finding, FindingKind, Item};
use crate::limits;
use crate::stats::{Counting, WorkerCounts};

/// The classes of messages to an address: bounced or not, in each period.
pub(super) const MAILBOX_CLASSES: usize = 2 * Period::COUNT;

impl Desk<'_, '_> {
    /// Returns the addresses for which every message of the period bounced, if there were enough.
    pub(super) fn mailboxes_that_bounce(
        &self,
        recipients: &Counting<'_>,
        counted: Vec<WorkerCounts<MAILBOX_CLASSES>>,
    ) -> Finding {
        let is_failing_in =
            |counts: &[u32; MAILBOX_CLASSES], period: Period| failed_in(counts, period).is_some();
        // Addresses that failed in either period: those of the period before are counted too.
        let counted = recipients.joined(counted, |counts| {
            is_failing_in(counts, Period::Now) || is_failing_in(counts, Period::Before)
        });
        let in_period = |(address, counts): &(String, [u32; MAILBOX_CLASSES]), period| {
            failed_in(counts, period).map(|it| (address.clone(), it, *counts))
        };
        let mut failing: Vec<_> =
            counted.iter().filter_map(|it| in_period(it, Period::Now)).collect();
        failing.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let count = failing.len();
        let before =
            counted.iter().filter(|it| is_failing_in(&it.1, Period::Before)).count() as u64;
        let items = failing.into_iter().take(self.request.items).map(|(address, count, counts)| {
            let before = failed_in(&counts, Period::Before).unwrap_or(0);
            Item { count, before: self.before.map(|_| before), ..Item::new(Some(address)) }
        });
        Finding {
            kind: FindingKind::FailingMailboxes,
            count: count as u64,
            before: self.before.map(|_| before),
            items: items.collect(),
            item_count: count,
        }
    }
}

/// Returns the number of messages that bounced in a period, if all did and there were enough.
fn failed_in(counts: &[u32; MAILBOX_CLASSES], period: Period) -> Option<u64> {
    let of_period = counts.chunks(2).nth(period.place())?;
    // A single message that did not bounce shows that the address works.
    let [bounced, 0] = *of_period else { return None };
    Some(u64::from(bounced)).filter(|it| *it >= limits::FAILING_BOUNCES_MIN)
}
