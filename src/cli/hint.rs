//! What may be wrong with a question that finds nothing.

use std::io::Write;

use super::{Context, Format};
use crate::query::Query;
use crate::render::sanitise;
use crate::stats::{CountKey, StatsRequest, count_by};
use crate::store::Store;
use crate::store::words::folded;
use crate::time::TimeRange;
use crate::trace::JoinRules;

/// How many values are named.
const NAMED_MAX: usize = 8;

/// Says on stderr, for people, which of the values that were asked for no event of the store has,
/// and which ones there are instead.
pub(super) fn say_unknown_values<'q>(
    queries: impl IntoIterator<Item = &'q Query>,
    store: &Store,
    context: &Context,
) -> anyhow::Result<()> {
    if context.global.format != Format::Table || context.global.quiet {
        return Ok(());
    }
    for (field, value) in queries.into_iter().flat_map(Query::exact_values) {
        let Some(key) = CountKey::from_name(field.name()).filter(|it| it.is_of_events()) else {
            continue;
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
            continue;
        }
        let named = values.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        let there_are = match values.len() {
            0 => "none has any".to_owned(),
            count if count > NAMED_MAX => {
                format!("there are {named} … (`mailtrace stats --by {key}` has all)")
            }
            _ => format!("there are {named}"),
        };
        let line = format!("no event of the store has {field}:{value}; {there_are}");
        writeln!(anstream::stderr().lock(), "{}", sanitise(&line))?;
    }
    Ok(())
}
