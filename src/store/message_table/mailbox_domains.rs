//! The domains that have mailboxes in the store.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use super::entry::RecipientEntry;
use crate::event::domain_of;
use crate::limits;

/// The domains of the addresses to whose mailboxes something was delivered, over all entries ever
/// added; none once there are more than [`limits::TABLE_MAILBOX_DOMAINS_MAX`].
///
/// They are kept beside the entries, since finding them there means reading every row.
#[derive(Clone)]
pub(super) struct MailboxDomains(Arc<RwLock<Option<BTreeSet<String>>>>);

impl MailboxDomains {
    /// The domains of the existing entries.
    pub(super) fn of_table(domains: Option<Vec<String>>) -> Self {
        Self(Arc::new(RwLock::new(domains.map(BTreeSet::from_iter))))
    }

    /// Adds the domain of a row of a new entry.
    pub(super) fn take(&self, row: &RecipientEntry<'_>) {
        let Some(domain) = domain_of(&row.address).filter(|_| row.bits.was_delivered) else {
            return;
        };
        let is_new =
            |it: &Option<BTreeSet<String>>| it.as_ref().is_some_and(|it| !it.contains(domain));
        // A panic leaves the set intact, at worst without the new domain. Most rows bring a domain
        // that is already known, so threads that make entries share the lock for reading.
        if !is_new(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut domains = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = domains.as_mut() {
            known.insert(domain.to_owned());
            // An incomplete set would be wrong, so none is kept.
            if known.len() > limits::TABLE_MAILBOX_DOMAINS_MAX {
                *domains = None;
            }
        }
    }

    /// All domains, sorted.
    pub(super) fn listed(&self) -> Option<Vec<String>> {
        let domains = self.0.read().unwrap_or_else(PoisonError::into_inner);
        domains.as_ref().map(|it| it.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RowBits;

    fn row(address: String, was_delivered: bool) -> RecipientEntry<'static> {
        RecipientEntry {
            address: address.into(),
            bits: RowBits { was_delivered, ..RowBits::default() },
            latency_ms: None,
            folder: None,
            status: None,
            cause: None,
            bounce: None,
        }
    }

    #[test]
    fn more_than_can_be_kept_are_none() {
        let domains = MailboxDomains::of_table(Some(vec!["old.example".to_owned()]));
        domains.take(&row("a@shop.example".to_owned(), false));
        domains.take(&row("a@acme.example".to_owned(), true));
        domains.take(&row("no-domain".to_owned(), true));
        let listed = domains.listed();
        assert_eq!(listed, Some(vec!["acme.example".to_owned(), "old.example".to_owned()]));
        for number in 0..limits::TABLE_MAILBOX_DOMAINS_MAX {
            domains.take(&row(format!("a@{number}.example"), true));
        }
        assert_eq!(domains.listed(), None);
        assert_eq!(MailboxDomains::of_table(None).listed(), None);
    }
}
