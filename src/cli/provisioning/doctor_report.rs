//! The printed report of `doctor`: a row for each check, and the remedy below it.

use std::io::{self, Write};

use anstyle::Style;
use serde_json::{Value, json};

use crate::provisioning::{Check, Health, Remedy};
use crate::render::{
    Answer, BAD, GOOD, JsonWriter, TableOptions, UNDECIDED, columns, counted, csv_cell, sanitise,
    wrap, write_csv,
};
use crate::time::Zone;

/// The columns of the status word and the gap after it.
const WORD_WIDTH: usize = 9;

/// The checks of event logging.
pub(crate) struct Checks<'c>(pub(crate) &'c [Check]);

impl Checks<'_> {
    /// The numbers of checks that are ok, have a warning, or failed.
    fn counts(&self) -> [usize; 3] {
        [Health::Ok, Health::Warning, Health::Failed]
            .map(|health| self.0.iter().filter(|it| it.health == health).count())
    }
}

impl Answer for Checks<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let names = self.0.iter().map(|it| columns(it.name)).max().unwrap_or(0);
        let indent = WORD_WIDTH + names + 2;
        // Narrower than this it would be unreadable; then the terminal breaks the lines.
        let room = options.width.saturating_sub(indent).max(40);
        for check in self.0 {
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
                // Not wrapped, so that it can be copied.
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
        let [ok, warnings, failed] = self.counts();
        writeln!(out, "\n{ok} ok, {}, {failed} failed", counted(warnings as u64, "warning"))
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let [ok, warnings, failed] = self.counts();
        let behind = [("ok", json!(ok)), ("warnings", json!(warnings)), ("failed", json!(failed))];
        out.list(&[], "checks", self.0.iter().map(check_json), &behind)
    }

    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.0.iter().map(|check| {
            let remedy = check.remedy.as_ref().map_or("", Remedy::text);
            let (found, remedy) = (csv_cell(&check.found), csv_cell(remedy));
            [check.name.to_owned(), word(check.health).to_owned(), found, remedy]
        });
        write_csv(["check", "status", "found", "remedy"], rows, out)
    }
}

/// The status for people; failures in capitals, to be seen at once.
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

fn check_json(check: &Check) -> Value {
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
