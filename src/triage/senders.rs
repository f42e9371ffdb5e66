//! Senders with many more messages than before.

use super::pass::Period;
use super::{Desk, Finding, FindingKind, Item};
use crate::limits;
use crate::stats::{Counting, WorkerCounts};

impl Desk<'_, '_> {
    /// Returns the senders of many messages in the period and of far fewer in the one before; none
    /// if there is nothing to compare with.
    pub(super) fn bursts(
        &self,
        senders: &Counting<'_>,
        counted: Vec<WorkerCounts<{ Period::COUNT }>>,
    ) -> Finding {
        let is_burst = |[now, before]: &[u32; Period::COUNT]| {
            // A factor alone would report everyone who sent one message before and five now.
            u64::from(*now) >= limits::BURST_MESSAGES_MIN
                && u64::from(*now) >= u64::from(*before).saturating_mul(limits::BURST_FACTOR)
        };
        let mut bursts = match self.before {
            Some(_) => senders.joined(counted, is_burst),
            None => Vec::new(),
        };
        bursts.sort_unstable_by(|a, b| b.1[0].cmp(&a.1[0]).then_with(|| a.0.cmp(&b.0)));
        let item_count = bursts.len();
        let items = bursts.into_iter().take(self.request.items).map(|(sender, [now, before])| {
            let item = Item::new(Some(sender));
            Item { count: now.into(), before: Some(before.into()), is_new: before == 0, ..item }
        });
        Finding {
            kind: FindingKind::Bursts,
            count: item_count as u64,
            before: None,
            items: items.collect(),
            item_count,
        }
    }
}
