//! Hints for a question that finds nothing.

use std::io::Write;

use crate::cli::context::Context;
use crate::limits;
use crate::query::{Field, Query, search};
use crate::render::{fit, sanitise};
use crate::stats::{CountKey, StatsRequest, count_by};
use crate::store::Store;
use crate::store::words::folded;
use crate::time::TimeRange;
use crate::trace::JoinRules;

/// The number of values that a hint names.
const NAMED_MAX: usize = 8;

/// Says on stderr why nothing was found: the values asked for that no event of the store has, and
/// those that there are.
pub(crate) fn say_unknown_values<'q>(
    queries: impl IntoIterator<Item = &'q Query>,
    store: &Store,
    context: &Context,
) -> anyhow::Result<()> {
    // A partial store cannot speak for the whole one.
    if context.global.quiet || store.is_partial() {
        return Ok(());
    }
    for demand in queries.into_iter().flat_map(Query::single_terms) {
        let exact = demand.exact_values().first().copied();
        let known = match exact {
            Some((field, value)) => known_values(field, value, store, context)?,
            None => None,
        };
        let asked = as_asked(demand);
        let line = match known {
            Some(KnownValue::Has) => continue,
            Some(KnownValue::HasNot(instead)) => {
                format!("no event in the store has {asked}; {instead}")
            }
            None if search(store, demand, TimeRange::default(), 0)?.total() > 0 => continue,
            None => match near_miss(demand, store, context)? {
                Some(near) => format!("no event in the store has {asked}; {near}"),
                None => format!("no event in the store has {asked}"),
            },
        };
        writeln!(anstream::stderr().lock(), "{}", fit(&line, limits::TABLE_TEXT_COLUMNS_MAX))?;
    }
    Ok(())
}

/// A term as somebody may have typed it.
pub(crate) fn as_asked(term: &Query) -> String {
    let is_single = term.single_terms().first().is_some_and(|it| std::ptr::eq(*it, term));
    match term.exact_values().first().filter(|_| is_single) {
        Some((field, value)) => format!("{field}:{value}"),
        None => term.to_string(),
    }
}

/// The address or domain of the store that is most like the one asked for, in words; `None` if
/// none is like it, or the term is not about addresses.
pub(crate) fn near_miss(
    term: &Query,
    store: &Store,
    context: &Context,
) -> anyhow::Result<Option<String>> {
    let Some((field, asked)) = term.exact_values().first().copied() else { return Ok(None) };
    let (addresses, domains) = match field {
        Field::From | Field::Sender => (CountKey::Sender, CountKey::SenderDomain),
        Field::To => (CountKey::Recipient, CountKey::RecipientDomain),
        Field::SenderDomain => (CountKey::SenderDomain, CountKey::SenderDomain),
        Field::RecipientDomain => (CountKey::RecipientDomain, CountKey::RecipientDomain),
        _ => return Ok(None),
    };
    let asked = asked.trim_matches('@');
    // Without an `@` it may be a name or a domain.
    let is_address = asked.contains('@');
    let keys: &[CountKey] = if is_address { &[addresses] } else { &[addresses, domains] };
    let mut best: Option<(usize, u64, String, CountKey)> = None;
    for key in keys {
        let request = request_of_all(context);
        for row in count_by(store, *key, &request, usize::MAX)?.rows {
            let Some(value) = row.value else { continue };
            let is_domain = matches!(key, CountKey::SenderDomain | CountKey::RecipientDomain);
            let compared = match value.split_once('@') {
                Some((name, _)) if !is_address && !is_domain => name,
                _ => value.as_str(),
            };
            // Part of a name is a better hint than any typing error.
            let is_part = !is_address && !is_domain && is_part_of_name(asked, compared);
            let distance = if is_part { Some(1) } else { distance(asked, compared) };
            let Some(distance) = distance else { continue };
            let is_better = best.as_ref().is_none_or(|it| {
                // Of equally similar values the most frequent one.
                (distance, std::cmp::Reverse(row.count)) < (it.0, std::cmp::Reverse(it.1))
            });
            if is_better {
                best = Some((distance, row.count, value, *key));
            }
        }
    }
    Ok(best.map(|(_, count, value, key)| {
        let (what, unit) = (sanitise(&value), key.counted_unit().as_str());
        let unit = if count == 1 { unit.trim_end_matches('s') } else { unit };
        let name = if is_address { "" } else { value.split_once('@').map_or(&*value, |it| it.0) };
        let others = match is_part_of_name(asked, name) {
            true if name.starts_with(asked) => format!(" ({asked}* finds all that begin with it)"),
            true => format!(" (*{asked}* finds all that contain it)"),
            false => String::new(),
        };
        format!("did you mean {what}, {count} {unit}?{}", sanitise(&others))
    }))
}

/// True if a name begins with the text, or has it as one of its parts.
fn is_part_of_name(asked: &str, name: &str) -> bool {
    const BEGINNING_CHARS_MIN: usize = 3;
    let has_signs = || name.split(['.', '-', '_', '+']).any(|it| it == asked);
    let is_long = asked.chars().count() >= BEGINNING_CHARS_MIN;
    asked != name && !asked.is_empty() && (has_signs() || (is_long && name.starts_with(asked)))
}

/// The number of differing characters, if these are few.
fn distance(asked: &str, value: &str) -> Option<usize> {
    // One typing error, and one more for each eight letters, up to three: short words soon
    // resemble any other.
    let most = 1 + asked.len().min(24) / 8;
    if asked.len().abs_diff(value.len()) > most || asked == value {
        return None;
    }
    Some(strsim::osa_distance(asked, value)).filter(|it| *it <= most)
}

/// A request that counts everything.
fn request_of_all(context: &Context) -> StatsRequest {
    StatsRequest {
        range: TimeRange::default(),
        interval: None,
        zone: context.zone.clone(),
        rules: JoinRules::default(),
        rows: Query::All,
    }
}

/// The presence of a value in the store.
enum KnownValue {
    Has,
    /// No event has it; the values that there are, in words.
    HasNot(String),
}

/// Looks for a value among those of a field with few values. `None` for any other field.
fn known_values(
    field: Field,
    value: &str,
    store: &Store,
    context: &Context,
) -> anyhow::Result<Option<KnownValue>> {
    let Some(key) = CountKey::from_name(field.name()).filter(|it| it.is_of_events()) else {
        return Ok(None);
    };
    let request = request_of_all(context);
    let counts = count_by(store, key, &request, usize::MAX)?;
    let values: Vec<&str> = counts.rows.iter().filter_map(|it| it.value.as_deref()).collect();
    if values.iter().any(|it| folded(it) == value) {
        return Ok(Some(KnownValue::Has));
    }
    let named = values.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    Ok(Some(KnownValue::HasNot(match values.len() {
        0 => "none has any".to_owned(),
        count if count > NAMED_MAX => {
            format!("the values are {named} … (`mailtrace stats --by {key}` lists all)")
        }
        _ => format!("the values are {named}"),
    })))
}
