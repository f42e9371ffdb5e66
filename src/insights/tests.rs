//! Queries over a few events, from text to rows.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::collect::{Groups, Rows};
use super::compile::{Instants, compile};
use super::eval::{EventRow, Scope};
use super::steps::run;
use super::value::Value;
use super::*;
use crate::store::{Location, Record};
use crate::time::Timestamp;

mod errors;
mod functions;
mod properties;
mod queries;

/// 2026-11-23T21:34:00Z.
const START_MS: i64 = 1_795_469_640_000;

fn record(index: usize, message: &str) -> Record<'static> {
    let ms = START_MS + i64::try_from(index).unwrap() * 1_000;
    Record {
        log_group: Some("/aws/workmail/emailevents/acme".into()),
        log_stream: Some("s1".into()),
        event_id: None,
        timestamp: Timestamp::from_ms(ms).unwrap(),
        is_time_approximate: false,
        ingestion_time: Timestamp::from_ms(ms + 500),
        message: Cow::Owned(message.to_owned()),
    }
}

/// The answer over these messages, a second apart: rows with their columns, as JSON.
fn try_ask(query: &str, messages: &[Json]) -> Result<Vec<Json>, InsightsError> {
    let instants = Instants { now_ms: START_MS + 60_000, start_ms: START_MS, end_ms: START_MS + 9 };
    let program = compile(&parse(query)?, instants)?;
    let records: Vec<Record<'_>> =
        messages.iter().enumerate().map(|(index, it)| record(index, &it.to_string())).collect();
    let (mut groups, mut rows) = (Groups::default(), Rows::default());
    let mut found = Vec::new();
    for (record, bits) in records.iter().zip(0..) {
        program.paths.find(&record.message, &mut found);
        let event = EventRow { record, location: Location::from_bits(bits), found: &found };
        let cells = vec![Value::Null; program.first.cell_count];
        let mut scope = Scope { event: Some(event), cells, ..Scope::default() };
        run(&program.first.ops, &mut scope, &mut 0, &mut |scope| {
            match &program.first.stats {
                Some(stats) => groups.add(stats, scope),
                None => rows.add(&program.listing, scope, None),
            }
            Ok(())
        })
        .unwrap();
    }
    let gathered = match program.first.stats {
        Some(_) => ask::Gathered::Groups(groups),
        None => ask::Gathered::Rows(rows),
    };
    let (rows, _) = ask::finished(gathered, &program).unwrap();
    let columns = &program.listing.columns;
    let row = |row: Vec<Value<'static>>| {
        let cells = row.iter().zip(columns).map(|(value, column)| {
            let cell = match ResultCell::of(value, column.is_counted) {
                ResultCell::Null => Json::Null,
                ResultCell::Number(it) => json!(it),
                ResultCell::Text(it) => json!(it),
            };
            (column.name.clone(), cell)
        });
        Json::Object(cells.collect())
    };
    Ok(rows.into_iter().map(row).collect())
}

fn ask_of(query: &str, messages: &[Json]) -> Vec<Json> {
    try_ask(query, messages).unwrap_or_else(|it| panic!("{query}\n{}", it.report()))
}
