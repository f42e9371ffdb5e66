//! The answer of `triage`: what deserves attention, on one page.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::address::Marked;
use super::answer::{Answer, JsonWriter, write_csv};
use super::csv::csv_cell;
use super::sanitise::sanitise;
use super::style::{BAD, FAINT, STRONG, UNDECIDED};
use super::table::{Cell, Column, Table, TableOptions};
use super::words::counted;
use crate::time::{TimeRange, Timestamp, Zone, human_duration};
use crate::triage::{Finding, FindingKind, Item, RULE_TARGET, Triage};

/// Returns the heading of a kind of finding, for one and for several.
fn words(kind: FindingKind) -> (&'static str, &'static str) {
    match kind {
        FindingKind::Lost => ("recipient lost a message", "recipients lost a message"),
        FindingKind::Unclear => {
            ("recipient is a group or lost a message", "recipients are groups or lost a message")
        }
        FindingKind::Bounced => ("bounce, by cause", "bounces, by cause"),
        FindingKind::BouncedDomains => ("bounce, by domain", "bounces, by domain"),
        FindingKind::FailingMailboxes => {
            ("address that bounced everything", "addresses that bounced everything")
        }
        FindingKind::Slow => ("slow delivery", "slow deliveries"),
        FindingKind::SpamInInbox => {
            ("spam message delivered to an inbox", "spam messages delivered to an inbox")
        }
        FindingKind::CleanInJunk => ("clean message filed as junk", "clean messages filed as junk"),
        FindingKind::DmarcFailed => (
            "message was delivered although DMARC failed",
            "messages were delivered although DMARC failed",
        ),
        FindingKind::Rules => (
            "rule forwards, redirects, bounces or drops mail",
            "rules forward, redirect, bounce or drop mail",
        ),
        FindingKind::Bursts => {
            ("sender sent much more than before", "senders sent much more than before")
        }
        FindingKind::NoBeginning => {
            ("message lacks its beginning", "messages lack their beginning")
        }
    }
}

/// Returns the heading of a finding for its count.
pub fn finding_in_words(kind: FindingKind, count: u64) -> &'static str {
    let (one, several) = words(kind);
    if count == 1 { one } else { several }
}

/// Names what was looked for and not found, each thing once.
pub fn findings_of_nothing(triage: &Triage) -> Vec<&'static str> {
    let mut nothing: Vec<&str> = Vec::new();
    for finding in triage.findings.iter().filter(|it| it.count == 0) {
        // Bursts compare with the period before: without one they were not looked for.
        let is_known = finding.kind != FindingKind::Bursts || triage.before.is_some();
        if is_known && !nothing.contains(&nothing_of(finding.kind)) {
            nothing.push(nothing_of(finding.kind));
        }
    }
    nothing
}

/// Names what there is none of.
fn nothing_of(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Lost => "lost messages",
        FindingKind::Unclear => "recipients that may be groups",
        FindingKind::Bounced | FindingKind::BouncedDomains => "bounces",
        FindingKind::FailingMailboxes => "addresses that bounced everything",
        FindingKind::Slow => "slow deliveries",
        FindingKind::SpamInInbox => "spam in an inbox",
        FindingKind::CleanInJunk => "clean mail in junk",
        FindingKind::DmarcFailed => "deliveries although DMARC failed",
        FindingKind::Rules => "rules that drop mail or send it outside",
        FindingKind::Bursts => "bursts",
        FindingKind::NoBeginning => "messages without a beginning",
    }
}

/// Returns the text for a missing value.
fn no_value(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Bounced => "(no reason)",
        FindingKind::SpamInInbox | FindingKind::CleanInJunk | FindingKind::DmarcFailed => {
            "(no sender)"
        }
        _ => "(none)",
    }
}

/// The findings, with the commands that show more of each.
#[derive(Clone, Copy, Debug)]
pub struct TriageAnswer<'t> {
    /// The findings.
    pub triage: &'t Triage,
    /// The command for each finding, in the same order.
    pub commands: &'t [String],
}

impl Answer for TriageAnswer<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let Self { triage, commands } = *self;
        let shown =
            |it: Option<Timestamp>| it.map_or_else(String::new, |it| it.in_zone(&options.zone));
        writeln!(
            out,
            "{STRONG}From {} to {}{STRONG:#}",
            shown(triage.range.since),
            shown(triage.range.until)
        )?;
        writeln!(
            out,
            "{} to {}",
            counted(triage.messages, "message"),
            counted(triage.recipients, "recipient")
        )?;
        if let Some(latency) = triage.latency {
            let said = |ms: i64| human_duration(ms);
            writeln!(
                out,
                "delivery time: median {}, p90 {}, p99 {}, max {}",
                said(latency.p50_ms),
                said(latency.p90_ms),
                said(latency.p99_ms),
                said(latency.max_ms)
            )?;
        }
        match triage.before {
            Some(before) => writeln!(
                out,
                "{FAINT}in brackets: the period before, from {}{FAINT:#}",
                shown(before.since)
            )?,
            None => writeln!(
                out,
                "{FAINT}the store has nothing from the period before to compare with{FAINT:#}"
            )?,
        }
        for (finding, command) in triage.findings.iter().zip(commands) {
            if finding.count > 0 {
                writeln!(out)?;
                write_finding(finding, command, options, out)?;
            }
        }
        let nothing = findings_of_nothing(triage);
        if !nothing.is_empty() {
            writeln!(out, "\nNothing found: {}", nothing.join(", "))?;
        }
        Ok(())
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let Self { triage, commands } = *self;
        let item = |it: &Item| {
            json!({
                "value": it.value,
                "count": it.count,
                "before": it.before,
                "example": it.example,
                "latencyMs": it.latency_ms,
                "new": it.is_new,
            })
        };
        let finding = |(it, command): (&Finding, &String)| {
            json!({
                "kind": it.kind.as_str(),
                "count": it.count,
                "before": it.before,
                "items": it.items.iter().map(item).collect::<Vec<_>>(),
                "itemCount": it.item_count,
                "command": command,
            })
        };
        let latency = triage.latency.map(|it| {
            json!({"p50Ms": it.p50_ms, "p90Ms": it.p90_ms, "p99Ms": it.p99_ms, "maxMs": it.max_ms})
        });
        out.value(&json!({
            "period": range_json(triage.range, zone),
            "before": triage.before.map(|it| range_json(it, zone)),
            "messages": triage.messages,
            "recipients": triage.recipients,
            "latency": latency,
            "findings": triage.findings.iter().zip(commands).map(finding).collect::<Vec<_>>(),
        }))
    }

    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let items = self.triage.findings.iter();
        let items = items.flat_map(|of| of.items.iter().map(|it| (of.kind, it)));
        let rows = items.map(|(kind, item)| {
            let text = |it: &Option<String>| csv_cell(it.as_deref().unwrap_or(""));
            [
                kind.as_str().to_owned(),
                text(&item.value),
                item.count.to_string(),
                item.before.map_or_else(String::new, |it| it.to_string()),
                text(&item.example),
                item.latency_ms.map_or_else(String::new, |it| it.to_string()),
                item.is_new.to_string(),
            ]
        });
        write_csv(["kind", "value", "count", "before", "example", "latencyMs", "new"], rows, out)
    }
}

fn write_finding(
    finding: &Finding,
    command: &str,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = match finding.kind {
        FindingKind::NoBeginning | FindingKind::Slow | FindingKind::CleanInJunk => UNDECIDED,
        _ => BAD,
    };
    let what = finding_in_words(finding.kind, finding.count);
    let before = finding.before.map_or_else(String::new, |it| format!(" ({it} before)"));
    writeln!(out, "{style}{} {what}{before}{style:#}", finding.count)?;
    let mut table = Table::new([
        Column::number(""),
        Column::number(""),
        Column::whole(""),
        Column::shortened(""),
        Column::shortened("").optional(),
    ])
    .indented(2);
    for item in &finding.items {
        table.push([
            Cell::new(&number(item)),
            Cell::styled(&item.before.map_or_else(String::new, |it| format!("({it})")), FAINT),
            Cell::styled(if item.is_new { "new" } else { "" }, BAD),
            match &item.value {
                Some(value) => value_cell(finding.kind, value),
                None => Cell::styled(no_value(finding.kind), FAINT),
            },
            Cell::styled(item.example.as_deref().unwrap_or(""), FAINT),
        ]);
    }
    table.write(options.width, out)?;
    // The command's filter is the finding's own, so it lists exactly what was counted.
    let more = finding.item_count.saturating_sub(finding.items.len());
    let more = if more > 0 { format!("{more} more: ") } else { String::new() };
    writeln!(out, "  {FAINT}{more}{}{FAINT:#}", sanitise(command))
}

fn value_cell(kind: FindingKind, value: &str) -> Cell {
    Cell::marked(match kind {
        FindingKind::Lost
        | FindingKind::Unclear
        | FindingKind::BouncedDomains
        | FindingKind::SpamInInbox
        | FindingKind::CleanInJunk
        | FindingKind::DmarcFailed => Marked::domain(value),
        FindingKind::FailingMailboxes | FindingKind::Slow | FindingKind::Bursts => {
            Marked::address(value)
        }
        // A rule that sends mail on ends in its target's address.
        FindingKind::Rules => Marked::new(|namer| match value.rsplit_once(RULE_TARGET) {
            Some((rule, address)) => format!("{rule}{RULE_TARGET}{}", namer.address(address)),
            None => value.to_owned(),
        }),
        FindingKind::Bounced | FindingKind::NoBeginning => return Cell::new(value),
    })
}

fn number(item: &Item) -> String {
    item.latency_ms.map_or_else(|| item.count.to_string(), human_duration)
}

fn range_json(range: TimeRange, zone: &Zone) -> Value {
    let shown = |it: Option<Timestamp>| it.map(|it| it.in_zone(zone));
    json!({"since": shown(range.since), "until": shown(range.until)})
}
