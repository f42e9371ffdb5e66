//! Addresses for which nothing works.

use std::collections::HashMap;

use super::{Desk, Finding, FindingKind, Item, with_outcome};
use crate::limits;
use crate::query::{Field, Pattern, ValueSet};
use crate::stats::{CountKey, StatsError};
use crate::time::TimeRange;
use crate::trace::{MessageFilter, Outcome};

impl Desk<'_, '_> {
    /// Addresses for which every message of the period bounced, if these are not very few.
    pub(super) fn mailboxes_that_bounce(&self) -> Result<Finding, StatsError> {
        let failing = self.failing(self.range)?;
        let before = self.before.map(|it| self.failing(it)).transpose()?;
        let mut addresses: Vec<(&String, &u64)> = failing.iter().collect();
        addresses.sort_unstable_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let items = addresses.into_iter().take(self.request.items).map(|(address, count)| Item {
            count: *count,
            before: before.as_ref().map(|it| it.get(address).copied().unwrap_or(0)),
            ..Item::new(Some(address.clone()))
        });
        Ok(Finding {
            kind: FindingKind::FailingMailboxes,
            count: failing.len() as u64,
            before: before.as_ref().map(|it| it.len() as u64),
            items: items.collect(),
            item_count: failing.len(),
        })
    }

    fn failing(&self, range: TimeRange) -> Result<HashMap<String, u64>, StatsError> {
        // Rows that did not decide count here, too, so none is missing.
        let bounces = self.counts(&[CountKey::Recipient], &with_outcome("bounced"), range)?;
        let many = bounces.into_iter().filter(|(_, count)| *count >= limits::FAILING_BOUNCES_MIN);
        let addresses = ValueSet::of_exact(many.filter_map(|(it, _)| it.into_iter().next()?));
        if addresses.is_empty() {
            return Ok(HashMap::new());
        }
        let to = Some(Pattern::one_of(Field::To, addresses));
        let of_these = MessageFilter { to, ..MessageFilter::default() };
        let bounced = Outcome::Bounced.as_str();
        let mut failing: HashMap<String, (u64, bool)> = HashMap::new();
        let keys = [CountKey::Recipient, CountKey::Outcome];
        for (values, count) in self.counts(&keys, &of_these, range)? {
            let [Some(address), outcome] = values.as_slice() else { continue };
            let known = failing.entry(address.clone()).or_insert((0, true));
            known.0 += count;
            known.1 &= outcome.as_deref() == Some(bounced);
        }
        let is_failing =
            |(count, all_bounced): (u64, bool)| all_bounced && count >= limits::FAILING_BOUNCES_MIN;
        let failing = failing.into_iter().filter(|(_, it)| is_failing(*it));
        Ok(failing.map(|(address, (count, _))| (address, count)).collect())
    }
}
