//! Translates a query into sets of documents.

use std::net::IpAddr;

use ipnet::IpNet;

use super::People;
use crate::audit::{AuditField, AuditType};
use crate::query::{AccessField, Clause, Field, Matcher, Query};
use crate::store::{AuditSegment, DocumentSet, IndexError, audit_term, ip_term};

/// The documents of a segment that a query finds. The caller drops those that do not count.
pub(super) fn found(
    query: &Query,
    segment: &AuditSegment,
    people: &People,
) -> Result<DocumentSet, IndexError> {
    match query {
        Query::All => Ok(DocumentSet::all(segment.max_doc())),
        Query::And(queries) => {
            let mut set = DocumentSet::all(segment.max_doc());
            for query in queries {
                set.and(&found(query, segment, people)?);
            }
            Ok(set)
        }
        Query::Or(queries) => {
            let mut set = DocumentSet::none(segment.max_doc());
            for query in queries {
                set.or(&found(query, segment, people)?);
            }
            Ok(set)
        }
        Query::Not(query) => {
            let mut set = found(query, segment, people)?;
            set.negate();
            Ok(set)
        }
        Query::Clause(clause) => of_clause(clause, segment, people),
    }
}

/// True if a query asks for a person, whom the events may call by another name.
pub(super) fn names_people(query: &Query) -> bool {
    match query {
        Query::All => false,
        Query::And(queries) | Query::Or(queries) => queries.iter().any(names_people),
        Query::Not(query) => names_people(query),
        Query::Clause(clause) => {
            matches!(clause.field, Field::Access(field) if id_field(field).is_some())
        }
    }
}

/// The field with the ID of the person that a field asks for.
fn id_field(field: AccessField) -> Option<AuditField> {
    match field {
        AccessField::User => Some(AuditField::UserId),
        AccessField::Owner => Some(AuditField::OwnerId),
        AccessField::Impersonator => Some(AuditField::ImpersonatorId),
        _ => None,
    }
}

fn of_clause(
    clause: &Clause,
    segment: &AuditSegment,
    people: &People,
) -> Result<DocumentSet, IndexError> {
    let matcher = &clause.matcher;
    match clause.field {
        Field::Time => {
            let mut set = DocumentSet::all(segment.max_doc());
            if let Matcher::Time(range) = matcher {
                let ms = |it: Option<crate::time::Timestamp>| it.map(|it| it.as_ms());
                let since = ms(range.since).unwrap_or(i64::MIN);
                segment.within(&mut set, since, ms(range.until).unwrap_or(i64::MAX));
            }
            Ok(set)
        }
        Field::Access(field) => of_field(field, matcher, segment, people),
        // The parser rejects the fields of mail.
        _ => Ok(DocumentSet::none(segment.max_doc())),
    }
}

fn of_field(
    field: AccessField,
    matcher: &Matcher,
    segment: &AuditSegment,
    people: &People,
) -> Result<DocumentSet, IndexError> {
    let mut set = match field {
        AccessField::Type => return of_type(matcher, segment),
        AccessField::Allowed => return segment.with_result(&|it| matcher.fits_text(it)),
        AccessField::Ip => return of_ip(matcher, segment),
        _ => DocumentSet::none(segment.max_doc()),
    };
    for logged in field.logged() {
        set.or(&match matcher {
            // One lookup instead of a walk through all values of the field.
            Matcher::Exact(text) => segment.with_value(*logged, &audit_term(*logged, text))?,
            _ => segment.with_values(*logged, &|it| matcher.fits_text(it))?,
        });
    }
    // The events know a person by ID, so an address has to be looked up.
    let Some(of_person) = id_field(field) else { return Ok(set) };
    for id in people.ids_called(|it| matcher.fits_text(it)) {
        set.or(&segment.with_value(of_person, id)?);
    }
    Ok(set)
}

/// Types have several names, so an exact text goes through their parser.
fn of_type(matcher: &Matcher, segment: &AuditSegment) -> Result<DocumentSet, IndexError> {
    let mut set = DocumentSet::none(segment.max_doc());
    let named = match matcher {
        Matcher::Exact(text) => AuditType::parse(text),
        _ => None,
    };
    for kind in AuditType::ALL {
        if named.map_or_else(|| matcher.fits_text(kind.as_str()), |it| it == kind) {
            set.or(&segment.of_type(kind)?);
        }
    }
    Ok(set)
}

fn of_ip(matcher: &Matcher, segment: &AuditSegment) -> Result<DocumentSet, IndexError> {
    let Matcher::Exact(text) = matcher else {
        return segment.with_values(AuditField::SourceIp, &|it| matcher.fits_text(it));
    };
    match network(text) {
        Some(network) => segment.with_values(AuditField::SourceIp, &|it| is_in(network, it)),
        None => segment.with_value(AuditField::SourceIp, &ip_term(text)),
    }
}

/// Parses `198.51.100.0/24` and the like; an IPv4 address within IPv6 counts as IPv4.
fn network(text: &str) -> Option<IpNet> {
    let (address, bits) = text.trim().split_once('/')?;
    let address = address.parse::<IpAddr>().ok()?.to_canonical();
    IpNet::new(address, bits.parse().ok()?).ok()
}

fn is_in(network: IpNet, address: &str) -> bool {
    address.parse::<IpAddr>().is_ok_and(|it| network.contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_addresses() {
        let has = |network: &str, address: &str| {
            is_in(super::network(network).unwrap_or_else(|| panic!("{network}")), address)
        };
        assert!(has("198.51.100.0/24", "198.51.100.7"));
        assert!(has("198.51.100.99/24", "198.51.100.7"));
        assert!(!has("198.51.100.0/24", "198.51.101.7"));
        assert!(has("0.0.0.0/0", "203.0.113.9"));
        assert!(has("198.51.100.7/32", "198.51.100.7"));
        assert!(!has("198.51.100.6/32", "198.51.100.7"));
        assert!(has("2001:db8::/32", "2001:db8:1::7"));
        assert!(!has("2001:db8::/32", "198.51.100.7"));
        assert!(!has("0.0.0.0/0", "unknown"));
        for text in ["198.51.100.0", "198.51.100.0/33", "a/24", "198.51.100.0/-1", "/"] {
            assert_eq!(network(text), None, "{text}");
        }
    }
}
