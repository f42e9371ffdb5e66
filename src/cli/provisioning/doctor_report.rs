//! What `doctor` prints: a row for each check, and beneath it what to do.

use std::io::Write;

use anstyle::Style;
use serde_json::{Value, json};

use crate::cli::{Context, Format};
use crate::provisioning::{Check, Health, Remedy};
use crate::render::{BAD, GOOD, UNDECIDED, columns, csv_cell, sanitise, wrap, write_json};

/// Columns of the word that says how a check stands, and of the gap behind it.
const WORD_WIDTH: usize = 9;

pub(super) fn write_checks(
    checks: &[Check],
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match context.global.format {
        Format::Table => write_table(checks, context.table_options(false).width, out)?,
        Format::Json => write_json(&to_json(checks), out)?,
        Format::Ndjson => {
            for check in checks {
                write_json(&check_to_json(check), out)?;
            }
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["check", "status", "found", "remedy"])?;
            for check in checks {
                let remedy = check.remedy.as_ref().map_or("", Remedy::text);
                csv.write_record([
                    check.name,
                    word(check.health),
                    &csv_cell(&check.found),
                    &csv_cell(remedy),
                ])?;
            }
            csv.flush()?;
        }
    }
    Ok(())
}

fn write_table(checks: &[Check], width: usize, out: &mut dyn Write) -> std::io::Result<()> {
    let names = checks.iter().map(|it| columns(it.name)).max().unwrap_or(0);
    let indent = WORD_WIDTH + names + 2;
    // Narrower than this nothing can be read any more: the terminal then breaks the lines.
    let room = width.saturating_sub(indent).max(40);
    for check in checks {
        let (shown, style) = shown(check.health);
        let found = sanitise(&check.found);
        for (index, line) in wrap(&found, room).iter().enumerate() {
            if index == 0 {
                let gap = WORD_WIDTH - shown.len();
                write!(out, "{style}{shown}{style:#}{:gap$}{:names$}  ", "", check.name)?;
            } else {
                write!(out, "{:indent$}", "")?;
            }
            writeln!(out, "{line}")?;
        }
        match &check.remedy {
            None => {}
            // Whole, so that it can be copied.
            Some(Remedy::Command(command)) => {
                writeln!(out, "{:indent$}$ {}", "", sanitise(command))?;
            }
            Some(Remedy::Advice(advice)) => {
                for (index, line) in
                    wrap(&sanitise(advice), room.saturating_sub(2)).iter().enumerate()
                {
                    let lead = if index == 0 { "> " } else { "  " };
                    writeln!(out, "{:indent$}{lead}{line}", "")?;
                }
            }
        }
    }
    let count = |health| checks.iter().filter(|it| it.health == health).count();
    writeln!(
        out,
        "\n{} ok, {} warnings, {} failed",
        count(Health::Ok),
        count(Health::Warning),
        count(Health::Failed)
    )
}

/// How a check stands, in capitals where that is to be seen at once.
fn shown(health: Health) -> (&'static str, Style) {
    match health {
        Health::Ok => ("ok", GOOD),
        Health::Warning => ("warning", UNDECIDED.bold()),
        Health::Failed => ("FAILED", BAD.bold()),
    }
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Warning => "warning",
        Health::Failed => "failed",
    }
}

fn check_to_json(check: &Check) -> Value {
    let command = match &check.remedy {
        Some(Remedy::Command(command)) => Some(command),
        _ => None,
    };
    json!({
        "check": check.name,
        "status": word(check.health),
        "found": check.found,
        "remedy": check.remedy.as_ref().map(Remedy::text),
        "command": command,
    })
}

fn to_json(checks: &[Check]) -> Value {
    let count = |health| checks.iter().filter(|it| it.health == health).count();
    json!({
        "checks": checks.iter().map(check_to_json).collect::<Vec<_>>(),
        "ok": count(Health::Ok),
        "warnings": count(Health::Warning),
        "failed": count(Health::Failed),
    })
}
