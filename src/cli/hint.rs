//! What may be wrong with a question that finds nothing.

use std::io::Write;

use super::Context;
use crate::limits;
use crate::query::{Field, Query, search};
use crate::render::fit;
use crate::stats::{CountKey, StatsRequest, count_by};
use crate::store::Store;
use crate::store::words::folded;
use crate::time::TimeRange;
use crate::trace::JoinRules;

/// How many values are named.
const NAMED_MAX: usize = 8;

/// Says on stderr why nothing was found: which of the values that were asked for no
/// event of the store has, and which ones there are instead.
pub(super) fn say_unknown_values<'q>(
    queries: impl IntoIterator<Item = &'q Query>,
    store: &Store,
    context: &Context,
) -> anyhow::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    for demand in queries.into_iter().flat_map(Query::demands) {
        let exact = demand.exact_values().first().copied();
        let known = match exact {
            Some((field, value)) => known_values(field, value, store, context)?,
            None => None,
        };
        let asked = exact.map_or(demand.to_string(), |(field, value)| format!("{field}:{value}"));
        let line = match known {
            Some(Known::Has) => continue,
            Some(Known::HasNot(instead)) => format!("no event of the store has {asked}; {instead}"),
            None if search(store, demand, TimeRange::default(), 0)?.total() > 0 => continue,
            None => format!("no event of the store has {asked}"),
        };
        writeln!(anstream::stderr().lock(), "{}", fit(&line, limits::TABLE_TEXT_COLUMNS_MAX))?;
    }
    Ok(())
}

/// Whether an event has a value.
enum Known {
    Has,
    /// None has; which values there are, in words.
    HasNot(String),
}

/// Looks for a value among those of a field that has few. `None` for another field.
fn known_values(
    field: Field,
    value: &str,
    store: &Store,
    context: &Context,
) -> anyhow::Result<Option<Known>> {
    let Some(key) = CountKey::from_name(field.name()).filter(|it| it.is_of_events()) else {
        return Ok(None);
    };
    let request = StatsRequest {
        range: TimeRange::default(),
        interval: None,
        zone: context.zone.clone(),
        rules: JoinRules::default(),
    };
    let counts = count_by(store, key, &request, usize::MAX)?;
    let values: Vec<&str> = counts.rows.iter().filter_map(|it| it.value.as_deref()).collect();
    if values.iter().any(|it| folded(it) == value) {
        return Ok(Some(Known::Has));
    }
    let named = values.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    Ok(Some(Known::HasNot(match values.len() {
        0 => "none has any".to_owned(),
        count if count > NAMED_MAX => {
            format!("there are {named} … (`mailtrace stats --by {key}` has all)")
        }
        _ => format!("there are {named}"),
    })))
}
