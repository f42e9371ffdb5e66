//! Senders who sent much more than before.

use std::collections::HashMap;

use super::{Desk, Finding, FindingKind, Item};
use crate::limits;
use crate::stats::{CountKey, StatsError};
use crate::trace::MessageFilter;

impl Desk<'_, '_> {
    /// Senders of many messages in the period and of much fewer in the one before; none where there
    /// is nothing to compare with.
    pub(super) fn bursts(&self) -> Result<Finding, StatsError> {
        let mut items = Vec::new();
        if let Some(before) = self.before {
            let all = MessageFilter::default();
            let before: HashMap<Vec<Option<String>>, u64> =
                self.counts(&[CountKey::Sender], &all, before)?.into_iter().collect();
            for (values, count) in self.counts(&[CountKey::Sender], &all, self.range)? {
                let earlier = before.get(&values).copied().unwrap_or(0);
                let is_burst = count >= limits::BURST_MESSAGES_MIN
                    && count >= earlier.saturating_mul(limits::BURST_FACTOR);
                if let Some(Some(sender)) = values.into_iter().next().filter(|_| is_burst) {
                    let item = Item::new(Some(sender));
                    items.push(Item { count, before: Some(earlier), is_new: earlier == 0, ..item });
                }
            }
        }
        items.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        let item_count = items.len();
        items.truncate(self.request.items);
        Ok(Finding {
            kind: FindingKind::Bursts,
            count: item_count as u64,
            before: None,
            items,
            item_count,
        })
    }
}
