//! `mailtrace stats`.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::input::InputArgs;
use super::{Context, Format, Outcome};
use crate::event::EventName;
use crate::render::{Cell, Column, Table, csv_cell, write_json, write_pairs};
use crate::store::{Attribute, Store};

/// Counts events by name
#[derive(Debug, Args)]
pub(super) struct StatsArgs {
    #[command(flatten)]
    input: InputArgs,
}

pub(super) fn run(args: &StatsArgs, context: &Context) -> anyhow::Result<Outcome> {
    let opened = args.input.open(context)?;
    let counts = count_by_name(&opened.store)?;
    let total = opened.store.checkpoint().records;
    let span = opened.store.time_span();
    let shown = span.map(|(a, b)| (a.in_zone(&context.zone), b.in_zone(&context.zone)));
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Table => {
            let options = context.table_options(false);
            let mut facts = vec![("Events", total.to_string())];
            if let Some((first, last)) = &shown {
                facts.push(("First event", first.clone()));
                facts.push(("Last event", last.clone()));
            }
            write_pairs(&facts, 0, options.width, &mut stdout)?;
            writeln!(stdout)?;
            let mut table = Table::new([Column::whole("EVENT"), Column::number("COUNT")]);
            for (name, count) in &counts {
                table.push([Cell::new(name), Cell::new(&count.to_string())]);
            }
            table.write(options.width, &mut stdout)?;
        }
        Format::Json | Format::Ndjson => {
            let events: serde_json::Map<String, serde_json::Value> =
                counts.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
            let json = json!({
                "total": total,
                "firstSeen": shown.as_ref().map(|(first, _)| first),
                "lastSeen": shown.as_ref().map(|(_, last)| last),
                "events": events,
            });
            write_json(&json, &mut stdout)?;
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(&mut stdout);
            csv.write_record(["eventName", "count"])?;
            for (name, count) in &counts {
                csv.write_record([csv_cell(name), count.to_string()])?;
            }
            csv.flush()?;
        }
    }
    stdout.flush()?;
    Ok(opened.outcome(total > 0))
}

/// The counts, most frequent first, of the same count in order of the names. Documented names are
/// written as WorkMail writes them, others as the index holds them, in lower case.
fn count_by_name(store: &Store) -> anyhow::Result<Vec<(String, u64)>> {
    let mut counts: Vec<(String, u64)> = store
        .attribute_counts(Attribute::Event)?
        .into_iter()
        .map(|(name, count)| {
            let upper = name.to_uppercase();
            let is_documented = EventName::DOCUMENTED.iter().any(|it| it.as_str() == upper);
            (if is_documented { upper } else { name }, count)
        })
        .collect();
    let named: u64 = counts.iter().map(|(_, count)| count).sum();
    let unnamed = store.checkpoint().records.saturating_sub(named);
    if unnamed > 0 {
        counts.push(("(no eventName)".to_owned(), unnamed));
    }
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(counts)
}
