//! Explains a question: its meaning, and which of its terms finds nothing.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::hint::{as_asked, near_miss};
use crate::limits;
use crate::query::{Query, search};
use crate::render::{Explained, fit};
use crate::store::{Store, StoreError};
use crate::time::TimeRange;
use crate::trace::{JoinRules, MessageFilter, Order, select_page};

/// Explains a question about messages. Returns true if it finds any.
pub(crate) fn explain_rows(
    filter: &MessageFilter,
    rules: &JoinRules,
    store: &Store,
    context: &Context,
) -> anyhow::Result<bool> {
    let query = filter.as_query();
    let counted = |it: &Query| Ok((it.to_string(), count(store, rules, it)?));
    let terms = query.terms().iter().map(counted).collect::<Result<_, StoreError>>()?;
    let (page, _) = select_page(store, rules, filter, Order::Newest, None, 0)?;
    let query = query.to_string();
    context.print(&Explained { query, terms, found: page.total, unit: "messages" })?;
    Ok(page.total > 0)
}

/// Explains a question about events. Returns true if it finds any.
pub(crate) fn explain_events(
    query: &Query,
    range: TimeRange,
    store: &Store,
    context: &Context,
) -> anyhow::Result<bool> {
    let found = |it: &Query| Ok::<_, StoreError>(search(store, it, range, 0)?.total());
    let counted = |it: &Query| Ok((it.to_string(), found(it)?));
    let terms = query.terms().iter().map(counted).collect::<Result<_, StoreError>>()?;
    let (found, query) = (found(query)?, query.to_string());
    context.print(&Explained { query, terms, found, unit: "events" })?;
    Ok(found > 0)
}

/// The number of messages that a query finds.
fn count(store: &Store, rules: &JoinRules, rows: &Query) -> Result<u64, StoreError> {
    let filter = MessageFilter { rows: rows.clone(), ..MessageFilter::default() };
    Ok(select_page(store, rules, &filter, Order::Newest, None, 0)?.0.total)
}

/// Says on stderr which terms of a query that finds nothing find nothing even by themselves.
pub(crate) fn say_empty_terms(
    rows: &Query,
    rules: &JoinRules,
    store: &Store,
    context: &Context,
) -> anyhow::Result<()> {
    let terms = rows.terms();
    // A partial store cannot speak for the whole one.
    if context.global.quiet || terms.is_empty() || store.is_partial() {
        return Ok(());
    }
    let mut is_any_empty = false;
    for term in terms {
        if count(store, rules, term)? == 0 {
            is_any_empty = true;
            let near = near_miss(term, store, context)?;
            let near = near.map_or_else(String::new, |it| format!("; {it}"));
            let line = fit(
                &format!("no message has {}{near}", as_asked(term)),
                limits::TABLE_TEXT_COLUMNS_MAX,
            );
            writeln!(anstream::stderr().lock(), "{line}")?;
        }
    }
    if !is_any_empty && terms.len() > 1 {
        writeln!(
            anstream::stderr().lock(),
            "each term finds messages, but no message matches them all (--explain counts each)"
        )?;
    }
    Ok(())
}
