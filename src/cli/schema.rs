//! `mailtrace schema`.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::input::InputArgs;
use super::{Context, Format, Outcome, output};
use crate::render::{Cell, Column, Table, write_json};
use crate::schema::{Shape, Shapes};

/// Show field names and types, no values (safe to share)
///
/// Each path with its JSON types and the number of events that have it, by event name; undocumented
/// names come first. The output contains no address, subject or ID.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    #[command(flatten)]
    input: InputArgs,
}

pub(super) fn run(args: &SchemaArgs, context: &Context) -> anyhow::Result<Outcome> {
    let opened = args.input.open(context)?;
    let shapes = Shapes::of(&opened.store)?;
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Table => {
            let mut table = Table::new([
                Column::whole("EVENT"),
                Column::whole("PATH"),
                Column::whole("TYPE"),
                Column::number("EVENTS"),
            ]);
            for (shape, count) in &shapes.counts {
                table.push([
                    Cell::new(&event_name(shape)),
                    Cell::new(&shape.path),
                    Cell::new(shape.json_type),
                    Cell::new(&count.to_string()),
                ]);
            }
            table.write(context.table_options(true).width, &mut stdout)?;
        }
        Format::Json => {
            let rows: Vec<_> =
                shapes.counts.iter().map(|(it, count)| to_json(it, *count)).collect();
            write_json(&json!({"shapes": rows, "truncated": shapes.is_truncated}), &mut stdout)?;
        }
        Format::Ndjson => {
            for (shape, count) in &shapes.counts {
                write_json(&to_json(shape, *count), &mut stdout)?;
            }
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(&mut stdout);
            csv.write_record(["eventName", "documented", "path", "type", "events"])?;
            for (shape, count) in &shapes.counts {
                csv.write_record([
                    shape.event_name.as_str(),
                    if shape.is_documented { "true" } else { "false" },
                    &shape.path,
                    shape.json_type,
                    &count.to_string(),
                ])?;
            }
            csv.flush()?;
        }
    }
    stdout.flush()?;
    if shapes.is_truncated {
        output::warn("there are more paths than are counted: the list is not complete");
    }
    Ok(opened.outcome(!shapes.counts.is_empty()))
}

fn event_name(shape: &Shape) -> String {
    match (shape.event_name.as_str(), shape.is_documented) {
        ("", _) => "(none)".to_owned(),
        (name, true) => name.to_owned(),
        (name, false) => format!("{name} (not documented)"),
    }
}

fn to_json(shape: &Shape, count: u64) -> serde_json::Value {
    json!({
        "eventName": shape.event_name,
        "documented": shape.is_documented,
        "path": shape.path,
        "type": shape.json_type,
        "events": count,
    })
}
