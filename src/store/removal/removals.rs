//! Recognising records that were removed, so that a pull does not bring them back.

use super::mention::each_mention;
use super::person::is_of_any;
use crate::source::Record;
use crate::store::ledger::tombstone::{RemovalRule, Tombstone, salted};

/// All removals from a store.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Removals(Vec<Tombstone>);

impl Removals {
    pub(in crate::store) fn new(tombstones: &[Tombstone]) -> Self {
        Self(tombstones.to_vec())
    }

    /// True if one of the removals covers such a record.
    pub(in crate::store) fn cover(&self, record: &Record<'_>) -> bool {
        self.0.iter().any(|it| covers(it, record))
    }
}

/// True if the removal removed such a record, or would have.
fn covers(tombstone: &Tombstone, record: &Record<'_>) -> bool {
    match &tombstone.rule {
        RemovalRule::Before { before_ms } => record.timestamp.as_ms() < *before_ms,
        // An address is erased from the past: its later mail is stored again.
        RemovalRule::Address { .. } if record.timestamp.as_ms() > tombstone.at_ms => false,
        RemovalRule::Address { salt, ids, .. } => {
            let mut is_named = false;
            each_mention(&record.message, &mut |it| is_named |= tombstone.is_spelled(it));
            is_named || is_of_any(&record.message, &|id| ids.contains(&salted(salt, id)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn an_address_is_known_again_and_not_kept() {
        let of_ana = || RemovalRule::of_address("ana@x.example", ["u-1"].into_iter());
        let rule = of_ana();
        assert_ne!(rule, of_ana(), "the salt is always another");
        let json = serde_json::to_string(&rule).unwrap();
        assert!(!json.contains("ana"), "{json}");
        let tombstone = Tombstone {
            number: 1,
            rule,
            at_ms: 10,
            reason: String::new(),
            version: String::new(),
            records: 0,
            rejected: 0,
            files: 0,
        };
        let record = |ms, message: &'static str| Record {
            log_group: None,
            log_stream: None,
            event_id: None,
            timestamp: Timestamp::from_ms(ms).unwrap(),
            is_time_approximate: false,
            ingestion_time: None,
            message: message.into(),
        };
        let removals = Removals::new(&[tombstone]);
        assert!(removals.cover(&record(10, r#"{"to":"ANA@x.example"}"#)));
        assert!(!removals.cover(&record(11, r#"{"to":"ANA@x.example"}"#)));
        assert!(!removals.cover(&record(10, r#"{"to":"diana@x.example"}"#)));
        let audit = |id: &str| {
            format!(r#"{{"organization_arn":"arn:aws:workmail:r:1:o/m","owner_id":"{id}"}}"#).leak()
        };
        assert!(removals.cover(&record(10, audit("U-1"))));
        assert!(!removals.cover(&record(10, audit("u-2"))));
    }
}
