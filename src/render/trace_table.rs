//! The trace of a message for people: its outcome and its history.

use std::collections::HashSet;
use std::io::{self, Write};

use super::address::Marked;
use super::headline::headline;
use super::sanitise::{fit, sanitise};
use super::step::{cause, event_style, marked_sentence};
use super::style::{FAINT, PLAIN, STRONG, UNDECIDED, message_style, outcome_style};
use super::table::{Cell, Column, Table, TableOptions, wrap_hanging, write_pairs};
use crate::event::EventName;
use crate::limits;
use crate::time::{Timestamp, human_duration};
use crate::trace::{Direction, Leg, Message, Outcome, Recipient};

const INDENT: usize = 2;

/// Writes the line between two messages.
pub(super) fn write_divider(options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{FAINT}{}{FAINT:#}\n", "─".repeat(options.width.min(100)))
}

/// Writes one message: the headline, then its facts, then each recipient, then each step.
pub(super) fn write_trace_table(
    message: &Message,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_headline(message, options, out)?;
    if message.is_truncated {
        let count = message.events.len();
        writeln!(
            out,
            "{UNDECIDED}Only {count} events were gathered; there are more, so the answer may be incomplete{UNDECIDED:#}"
        )?;
    }
    writeln!(out)?;
    write_pairs(&facts(message, options), INDENT, options.width, out)?;
    write_recipients(message, options, out)?;
    message.legs.iter().try_for_each(|leg| write_leg(message, leg, options, out))
}

/// Indent of a headline's further lines, so that a stranger's words in it never begin a line where
/// ours do.
const CONTINUATION: usize = 4;

fn write_headline(
    message: &Message,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = message_style(message.outcome);
    let lines = wrap_hanging(&headline(message).to_string(), options.width, CONTINUATION);
    for (index, line) in lines.iter().enumerate() {
        let indent = if index == 0 { 0 } else { CONTINUATION };
        writeln!(out, "{:indent$}{style}{line}{style:#}", "")?;
    }
    Ok(())
}

/// Writes the IDs without any event, and what that may mean.
pub fn write_not_found(
    ids: &[String],
    coverage_note: Option<&str>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for id in ids {
        let id = fit(id, limits::TABLE_TEXT_COLUMNS_MAX);
        writeln!(out, "{STRONG}No event was found for {id}{STRONG:#}")?;
    }
    match coverage_note.filter(|_| !ids.is_empty()) {
        Some(note) => writeln!(out, "  {}", sanitise(note)),
        None => Ok(()),
    }
}

/// Returns the facts about a message as a whole.
fn facts(message: &Message, options: &TableOptions) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(subject) = &message.subject {
        facts.push(("Subject", subject.clone()));
    }
    match (&message.from, &message.sender) {
        (Some(from), Some(sender)) if from != sender => {
            let both = Marked::new(|namer| {
                let from = namer.address(from.logged());
                format!("{from} (sent by {})", namer.address(sender.logged()))
            });
            facts.push(("From", both.to_string()));
        }
        (Some(address), _) | (None, Some(address)) => {
            facts.push(("From", Marked::address(address.logged()).to_string()));
        }
        (None, None) => {}
    }
    let ids = &message.message_ids;
    let shown = if options.lists_all { ids.len() } else { limits::TABLE_RECIPIENTS_MAX };
    for (index, message_id) in ids.iter().take(shown).enumerate() {
        facts.push((if index == 0 { "Message ID" } else { "" }, message_id.to_string()));
    }
    if ids.len() > shown {
        facts.push(("", format!("and {} more (--all lists them)", ids.len() - shown)));
    }
    let lasted = message.last_seen.ms_since(message.first_seen);
    let until = match lasted {
        0 => String::new(),
        _ => format!(", last event {} later", human_duration(lasted)),
    };
    facts.push(("First seen", format!("{}{until}", message.first_seen.in_zone(&options.zone))));
    facts.extend(checks(message).map(|it| ("Checks", it)));
    facts
}

/// Returns the verdicts in one line, which is short if all passed. Not sanitised.
pub fn checks(message: &Message) -> Option<String> {
    let verdicts = &message.verdicts;
    let known: Vec<(&str, &str)> = [
        ("spam", verdicts.spam.as_deref()),
        ("DKIM", verdicts.dkim.as_deref()),
        ("DMARC", verdicts.dmarc.as_deref()),
        ("SPF", verdicts.spf.as_deref()),
    ]
    .into_iter()
    .filter_map(|(check, verdict)| Some((check, verdict?)))
    .collect();
    if known.is_empty() {
        return None;
    }
    if known.iter().all(|(_, verdict)| *verdict == "PASS") {
        let names: Vec<&str> = known.iter().map(|(check, _)| *check).collect();
        return Some(format!("all passed ({})", names.join(", ")));
    }
    let policy = verdicts.dmarc_policy.as_deref();
    let words = known.iter().map(|(check, verdict)| {
        let meaning = match (*check, *verdict, policy) {
            ("spam", "GRAY", _) => " (not sure)",
            ("DKIM", "GRAY", _) => " (not signed)",
            (_, "GRAY", _) => " (no policy)",
            ("DMARC", _, Some(policy)) => return format!("{check} {verdict} (policy {policy})"),
            _ => "",
        };
        format!("{check} {verdict}{meaning}")
    });
    Some(words.collect::<Vec<_>>().join(", "))
}

/// Returns the rows that show what happened to a message: the deciding one for each address, and
/// failures of other copies; the worst first.
pub fn telling_recipients(message: &Message) -> Vec<&Recipient> {
    let mut rows = message.deciding_recipients();
    let decides: HashSet<*const Recipient> =
        rows.iter().map(|it| std::ptr::from_ref(*it)).collect();
    // A failure of another copy is never left out.
    rows.extend(message.recipients.iter().filter(|it| {
        it.outcome.is_bad()
            && it.direction == Direction::Incoming
            && !decides.contains(&std::ptr::from_ref(*it))
    }));
    worst_first(rows)
}

fn worst_first(mut rows: Vec<&Recipient>) -> Vec<&Recipient> {
    // Stable, so that rows of equal urgency keep the order in which their addresses appear.
    rows.sort_by_key(|it| (!it.outcome.is_bad(), it.outcome != Outcome::Pending));
    rows
}

fn write_recipients(
    message: &Message,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows: Vec<&Recipient> = if options.lists_all {
        worst_first(message.recipients.iter().collect())
    } else {
        telling_recipients(message)
    };
    if rows.is_empty() {
        return Ok(());
    }
    let shown = if options.lists_all { rows.len() } else { limits::TABLE_RECIPIENTS_MAX };
    let mut table = Table::new(RECIPIENT_COLUMNS).indented(INDENT);
    for row in rows.iter().take(shown) {
        let at = row.at.map_or_else(String::new, |it| clock(it, message.first_seen, options));
        table.push(recipient_cells(row, &at));
    }
    writeln!(out)?;
    table.write(options.width, out)?;
    // The worst come first, so the rows left out are the least urgent; they are counted by outcome.
    let rest = rows.get(shown..).unwrap_or(&[]);
    if rest.is_empty() {
        return Ok(());
    }
    let counts: Vec<String> = Outcome::ALL
        .iter()
        .map(|outcome| (rest.iter().filter(|it| it.outcome == *outcome).count(), outcome))
        .filter(|(count, _)| *count > 0)
        .map(|(count, outcome)| format!("{count} more {outcome}"))
        .collect();
    writeln!(out, "  {FAINT}and {} (--all lists them){FAINT:#}", counts.join(", "))
}

/// The columns of recipients.
pub(super) const RECIPIENT_COLUMNS: [Column; 7] = [
    Column::whole("RECIPIENT"),
    Column::whole("DIRECTION").optional(),
    Column::whole("OUTCOME"),
    Column::shortened("FOLDER"),
    Column::whole("AT").optional(),
    Column::number("LATENCY"),
    Column::wrapped("WHY"),
];

/// Returns a recipient's row; `at` is the time of its outcome in the form to show.
pub(super) fn recipient_cells(row: &Recipient, at: &str) -> [Cell; 7] {
    [
        Cell::marked(Marked::address(row.address.logged())),
        Cell::new(row.direction.as_str()),
        Cell::styled(row.outcome.as_str(), outcome_style(row.outcome)),
        Cell::styled(
            row.folder.as_deref().unwrap_or(""),
            if row.is_junk { UNDECIDED } else { PLAIN },
        ),
        Cell::new(at),
        Cell::new(&row.latency_ms.map_or_else(String::new, human_duration)),
        Cell::marked(why(row)),
    ]
}

/// Explains an outcome beyond its name.
pub fn why(recipient: &Recipient) -> Marked {
    Marked::new(|namer| match recipient.outcome {
        Outcome::Bounced => cause(recipient.status.as_deref(), recipient.reason.as_deref()),
        Outcome::Dropped => recipient
            .rule
            .as_deref()
            .map_or("by a rule".into(), |it| format!("by the rule \"{it}\"")),
        Outcome::Rejected | Outcome::Quarantined => "by the sender's DMARC policy".to_owned(),
        Outcome::Expanded => match recipient.mailboxes.as_slice() {
            [only] => format!("alias of {}", namer.address(only.logged())),
            many => format!("group of {} mailboxes", many.len()),
        },
        Outcome::Lost => "no outcome logged".to_owned(),
        Outcome::Unclear => "not known: expanded or lost".to_owned(),
        Outcome::Pending => "no outcome yet".to_owned(),
        Outcome::Delivered | Outcome::Sent => String::new(),
    })
}

/// Writes a leg's steps with the time between them.
fn write_leg(
    message: &Message,
    leg: &Leg,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let direction = super::headline::capitalised(leg.direction.as_str());
    let trace_id = leg.trace_id.as_deref().unwrap_or("(none)");
    let trace_id = fit(trace_id, limits::TABLE_TEXT_COLUMNS_MAX);
    writeln!(out, "\n  {STRONG}{direction}, trace ID {trace_id}{STRONG:#}")?;
    let mut table = Table::new([Column::whole(""), Column::number(""), Column::wrapped("")])
        .indented(2 * INDENT);
    let mut previous: Option<Timestamp> = None;
    let (mut steps, mut hidden) = (0_usize, Vec::new());
    for stored in leg.event_indexes.iter().filter_map(|it| message.events.get(*it)) {
        let (at, event) = (stored.record.timestamp, &stored.event);
        // Deliveries make a timeline long, so they get half of it at most: a failure after them
        // must still be shown.
        let is_routine =
            matches!(event.name, EventName::MailboxEmailDelivered | EventName::OutgoingEmailSent);
        let steps_max = limits::TABLE_STEPS_MAX / if is_routine { 2 } else { 1 };
        if steps >= steps_max && !options.lists_all {
            hidden.push(event.name.label());
            continue;
        }
        steps += 1;
        let gap = previous.map(|it| format!("+{}", human_duration(at.ms_since(it))));
        let mark = if stored.record.is_time_approximate { "~" } else { "" };
        table.push([
            Cell::new(&format!("{mark}{}", clock(at, message.first_seen, options))),
            Cell::styled(gap.as_deref().unwrap_or(""), FAINT),
            Cell::marked_and_styled(marked_sentence(event), event_style(event)),
        ]);
        // Only of shown steps: a gap refers to the line above it.
        previous = Some(at);
    }
    table.write(options.width, out)?;
    if hidden.is_empty() {
        return Ok(());
    }
    let text = format!("and {} more steps: {} (--all lists them)", hidden.len(), counted(&hidden));
    writeln!(out, "    {FAINT}{}{FAINT:#}", sanitise(&text))
}

/// Counts names, in alphabetical order.
fn counted(names: &[&str]) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for name in names {
        *counts.entry(*name).or_insert(0_usize) += 1;
    }
    let words: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    words.join(", ")
}

/// Returns the time of day, or the complete time on a day other than that of the message's first
/// event.
fn clock(at: Timestamp, first_seen: Timestamp, options: &TableOptions) -> String {
    const TIME_OF_DAY_CHARACTERS: usize = "21:34:00.000".len();
    let (whole, first) = (at.in_zone(&options.zone), first_seen.in_zone(&options.zone));
    match (whole.split_once('T'), first.split_once('T')) {
        // Compared as text, because the day that counts is that of the zone shown.
        (Some((date, time)), Some((first_date, _))) if date == first_date => {
            time.get(..TIME_OF_DAY_CHARACTERS).unwrap_or(time).to_owned()
        }
        _ => whole,
    }
}

#[cfg(test)]
#[path = "trace_table_tests.rs"]
mod tests;
