//! The part of a query on audit events that a cluster can answer: it finds all that fit and maybe
//! more.

use serde_json::{Value, json};

use super::audit_document::{KEYS, key_of};
use super::fetch::range_query;
use crate::access::People;
use crate::audit::{AuditField, AuditType};
use crate::query::{AccessField, Clause, Field, Matcher, Query};

/// A query that finds every event that fits, if there is one.
pub(super) fn lowered(query: &Query, people: &People) -> Option<Value> {
    match query {
        Query::All | Query::Not(_) => None,
        Query::And(parts) => {
            let filters: Vec<Value> = parts.iter().filter_map(|it| lowered(it, people)).collect();
            (!filters.is_empty()).then(|| json!({"bool": {"filter": filters}}))
        }
        Query::Or(parts) => {
            let parts: Option<Vec<Value>> = parts.iter().map(|it| lowered(it, people)).collect();
            parts.map(|it| json!({"bool": {"should": it, "minimum_should_match": 1}}))
        }
        Query::Clause(clause) => of_clause(clause, people),
    }
}

fn of_clause(Clause { field, matcher, .. }: &Clause, people: &People) -> Option<Value> {
    let (field, text) = match (field, matcher) {
        (Field::Time, Matcher::Time(range)) => return range_query(*range),
        (Field::Access(field), Matcher::Exact(text)) => (*field, text),
        _ => return None,
    };
    if field == AccessField::Type {
        return AuditType::parse(text).map(|it| json!({"term": {"type": it.as_str()}}));
    }
    // A network is not an indexed value, only single addresses are.
    if field == AccessField::Ip && text.contains('/') {
        return None;
    }
    let keys: Option<Vec<String>> = field.logged().iter().map(|it| key_of(*it, text)).collect();
    let mut keys = keys.filter(|it| !it.is_empty())?;
    let of_person = match field {
        AccessField::User => Some(AuditField::UserId),
        AccessField::Owner => Some(AuditField::OwnerId),
        AccessField::Impersonator => Some(AuditField::ImpersonatorId),
        _ => None,
    };
    // People are asked for by name, and some events have only their ID.
    if let Some(of_person) = of_person {
        let ids = people.ids_called(|it| matcher.fits_text(it));
        keys.extend(ids.into_iter().filter_map(|it| key_of(of_person, it)));
    }
    keys.sort_unstable();
    Some(json!({"terms": {KEYS: keys}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Language;
    use crate::time::{Timestamp, Zone};

    #[test]
    fn only_what_every_answer_must_have_is_asked_of_the_cluster() {
        let mut people = People::default();
        people.add("U-1", 0, "ana@acme.example");
        let check = |query: &str, expect: Option<&str>| {
            let zone = Zone::UTC;
            let language = Language::of_access(Timestamp::UNIX_EPOCH, &zone);
            let query = language.parse(query).unwrap();
            let found = lowered(&query, &people).map(|it| it.to_string());
            assert_eq!(found.as_deref(), expect, "{query}");
        };
        let ana = r#"{"terms":{"keys":["user ana@acme.example","user_id ana@acme.example","user_id u-1"]}}"#;
        check("user:Ana@acme.example", Some(ana));
        check(
            "user:ana@acme.example -action:read",
            Some(&format!(r#"{{"bool":{{"filter":[{ana}]}}}}"#)),
        );
        check("ip:::ffff:198.51.100.7", Some(r#"{"terms":{"keys":["source_ip 198.51.100.7"]}}"#));
        check("type:auth", Some(r#"{"term":{"type":"authentication"}}"#));
        for open in ["ip:198.51.100.0/24", "agent:x", "-user:x", "user:ana* OR agent:x", "folder:x"]
        {
            check(open, None);
        }
    }
}
