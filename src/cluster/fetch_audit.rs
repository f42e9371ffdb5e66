//! Fetching the audit events a question can be about.

use serde_json::{Value, json};

use super::audit_document::{CAME, KEYS, NAMED, key_of};
use super::error::ClusterError;
use super::fetch::{Pages, check_count, of_organization, range_query};
use super::hit::{Source, hits};
use super::lowered_audit::lowered;
use super::search::{buckets, values_page};
use super::spool::Spool;
use super::view::{CALL, View};
use crate::access::{AccessRequest, People};
use crate::audit::{AuditField, AuditType, OtherRecord};
use crate::limits;
use crate::store::Store;
use crate::time::TimeRange;
use crate::timeline::{MomentNear, Who, values_of};

/// A fetch of audit events.
pub(super) struct AuditFetch<'f, 'c> {
    pub(super) view: &'f mut View<'c>,
    pub(super) organization: &'f str,
}

type Visit<'v> = &'v mut dyn FnMut(&Source) -> Result<(), ClusterError>;

impl AuditFetch<'_, '_> {
    /// Fetches what names people: the first event of each ID and name that got in.
    pub(super) fn names(&mut self, spool: &mut Spool<'_>) -> Result<(), ClusterError> {
        self.firsts(NAMED, None, spool)
    }

    /// Fetches all events a question can be about; `known` has the people.
    pub(super) fn request(
        &mut self,
        request: &AccessRequest,
        known: &Store,
        spool: &mut Spool<'_>,
    ) -> Result<(), ClusterError> {
        let people = People::of_store(known)?;
        let conditions = &request.conditions;
        let flag = |name: &str, is_set: bool| is_set.then(|| json!({"term": {name: true}}));
        let mut filters: Vec<Value> = if conditions.failed_then_ok {
            // Which failures belong to which success depends on all sign-ins, whoever is asked
            // about.
            let kind = AuditType::Authentication.as_str();
            let around_ms = limits::FAILED_THEN_OK_MS;
            let around = TimeRange {
                since: request.range.since.map(|it| it.saturating_add_ms(-around_ms)),
                until: request.range.until.map(|it| it.saturating_add_ms(around_ms)),
            };
            range_query(around).into_iter().chain([json!({"term": {"type": kind}})]).collect()
        } else {
            let asked = lowered(&request.query, &people);
            range_query(request.range).into_iter().chain(asked).collect()
        };
        if !conditions.failed_then_ok {
            filters.extend(flag("denied", conditions.denied));
            filters.extend(flag("failed", conditions.failed));
        }
        self.all((!filters.is_empty()).then(|| json!({"bool": {"filter": filters}})), spool)?;
        if conditions.new_ip {
            self.firsts(CAME, None, spool)?;
            // After a change of its name an ID counts as another person, so all of its events are
            // needed.
            let renamed = renamed(&people).filter_map(|it| key_of(AuditField::UserId, it));
            self.with_keys(&renamed.collect::<Vec<_>>(), None, spool)?;
        }
        Ok(())
    }

    /// Fetches a person's actions, and those in their mailbox.
    pub(super) fn person(
        &mut self,
        who: &Who,
        range: TimeRange,
        spool: &mut Spool<'_>,
    ) -> Result<(), ClusterError> {
        let keys = values_of(who).into_iter().filter_map(|(field, it)| key_of(field, it));
        let keys: Vec<String> = keys.collect();
        if let Some(since) = range.since {
            // The first event from each earlier address: it tells which addresses are new.
            let before = range_query(TimeRange { since: None, until: Some(since) });
            for keys in keys.chunks(limits::CLUSTER_TERMS_MAX) {
                let filters = before.iter().cloned().chain([json!({"terms": {KEYS: keys}})]);
                let which = json!({"bool": {"filter": filters.collect::<Vec<_>>()}});
                self.firsts("sourceIp", Some(which), spool)?;
            }
        }
        self.with_keys(&keys, range_query(range).as_ref(), spool)
    }

    /// Fetches what may have been done with messages; `known` has the people.
    pub(super) fn near(
        &mut self,
        moments: &[MomentNear],
        known: &Store,
        spool: &mut Spool<'_>,
    ) -> Result<(), ClusterError> {
        for moment in moments {
            let who = moment.owner(known)?;
            let owner = |it: &String| key_of(AuditField::OwnerId, it);
            let keys: Vec<String> = who.ids.iter().filter_map(owner).collect();
            let mut items = Vec::new();
            self.visit_keys(&keys, range_query(moment.range()).as_ref(), spool, &mut |source| {
                items.extend(item_of(source, moment));
                Ok(())
            })?;
            // Later actions on the same item count as well, so this look-up has no end.
            let since = TimeRange { until: None, ..moment.range() };
            self.with_keys(&items, range_query(since).as_ref(), spool)?;
        }
        Ok(())
    }

    fn with_keys(
        &mut self,
        keys: &[String],
        which: Option<&Value>,
        spool: &mut Spool<'_>,
    ) -> Result<(), ClusterError> {
        self.visit_keys(keys, which, spool, &mut |_| Ok(()))
    }

    /// Fetches the events with one of some keys, optionally narrowed.
    fn visit_keys(
        &mut self,
        keys: &[String],
        which: Option<&Value>,
        spool: &mut Spool<'_>,
        visit: Visit<'_>,
    ) -> Result<(), ClusterError> {
        for keys in keys.chunks(limits::CLUSTER_TERMS_MAX) {
            let filters = which.into_iter().cloned().chain([json!({"terms": {KEYS: keys}})]);
            let which = json!({"bool": {"filter": filters.collect::<Vec<_>>()}});
            self.walk(Some(which), spool, visit)?;
        }
        Ok(())
    }

    /// Fetches all events that a query finds.
    fn all(&mut self, which: Option<Value>, spool: &mut Spool<'_>) -> Result<(), ClusterError> {
        self.walk(which, spool, &mut |_| Ok(()))
    }

    fn walk(
        &mut self,
        which: Option<Value>,
        spool: &mut Spool<'_>,
        visit: Visit<'_>,
    ) -> Result<(), ClusterError> {
        let query = of_organization(self.organization, which);
        check_count(self.view, &query)?;
        let mut pages = Pages::of(&query);
        while let Some(sources) = pages.next(self.view)? {
            for source in sources {
                visit(&source)?;
                spool.take_other(&source)?;
            }
            spool.tell()?;
        }
        Ok(())
    }

    /// Fetches the first event of each value of a field, optionally narrowed.
    fn firsts(
        &mut self,
        field: &str,
        which: Option<Value>,
        spool: &mut Spool<'_>,
    ) -> Result<(), ClusterError> {
        let query = of_organization(self.organization, which);
        let mut after: Option<Value> = None;
        loop {
            let values = values_page(field, limits::CLUSTER_FIRSTS_PAGE, after);
            let first = json!({"top_hits": {
                "size": 1,
                "sort": [{"at": "asc"}, {"place": "asc"}],
                "_source": Source::FIELDS,
            }});
            let body = json!({
                "size": 0,
                "track_total_hits": false,
                "query": query,
                "aggs": {"values": {"composite": values, "aggs": {"first": first}}},
            });
            let Some(mut found) = self.view.search(&body)? else { return Ok(()) };
            let (values, next) = buckets(&mut found, "values")?;
            for mut bucket in values {
                let first = bucket.get_mut("first").map(Value::take).unwrap_or_default();
                for hit in hits(first, CALL)? {
                    spool.take_other(&hit.source)?;
                }
            }
            spool.tell()?;
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// The IDs that had several names.
fn renamed(people: &People) -> impl Iterator<Item = &str> {
    let mut last = None;
    let mut names = people.names().map(|(id, _, _)| id);
    std::iter::from_fn(move || {
        names.find(|id| {
            let is_again = last == Some(*id);
            last = Some(*id);
            is_again
        })
    })
}

/// The key of an event's item, if the event is an action of that moment.
fn item_of(source: &Source, moment: &MomentNear) -> Option<String> {
    let Some(OtherRecord::Audit(event)) = OtherRecord::parse(&source.original) else {
        return None;
    };
    let is_it = moment.is_done_by(event.get(AuditField::Action).unwrap_or(""));
    key_of(AuditField::ItemId, event.get(AuditField::ItemId).filter(|_| is_it)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_had_several_names_was_renamed() {
        let mut people = People::default();
        for (id, name) in [("u-1", "a"), ("u-1", "b"), ("u-1", "c"), ("u-2", "a"), ("u-3", "d")] {
            people.add(id, 0, name);
        }
        assert!(renamed(&people).all(|it| it == "u-1"));
        assert!(renamed(&people).count() > 0);
    }
}
