//! `mailtrace trace --batch`: many IDs, answered in order.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::json;

use crate::cli::args::ids::Ids;
use crate::cli::args::input::AskedStore;
use crate::cli::context::Context;
use crate::cli::listing::coverage_note;
use crate::limits;
use crate::render::{AnswerFormat, AnswerShape, BatchPart, fit, write_not_found};
use crate::time::Zone;
use crate::trace::{JoinRules, Message, MessageMark, mark_of, trace_batch};

/// The number of a table's rows that are laid out together.
const PAGE_ROWS: usize = 1_000;

/// Traces all IDs and writes the answers. Returns true if anything was found.
pub(crate) fn answer(
    mut ids: Ids,
    opened: &AskedStore,
    rules: &JoinRules,
    context: &Context,
) -> anyhow::Result<bool> {
    let (store, format) = (&opened.store, context.global.format);
    let (printer, mut out) = (context.printer(), context.stdout());
    let mut list = printer.list(&BatchPart::head(), &mut out)?;
    let mut so_far = SoFar::default();
    loop {
        // A window at a time: smaller ones would read each block of the archive more often,
        // larger ones hold more answers in memory.
        let asked = ids.next_ids(limits::BATCH_WINDOW_IDS)?;
        if asked.is_empty() {
            break;
        }
        let answers = trace_batch(store, &asked, rules, |id, messages| {
            IdAnswer::new(id, messages, format, &context.zone)
        })?;
        so_far.take(asked, answers, |part| list.part(part))?;
    }
    let note = coverage_note(store, context);
    let note = (!so_far.not_found.is_empty()).then_some(note.as_str());
    let members = vec![
        ("notFound", json!(so_far.not_found)),
        ("candidates", json!([])),
        ("coverageNote", json!(note)),
    ];
    list.end(members, &AnswerShape::default())?;
    if !context.global.quiet {
        so_far.say_what_is_missing(note, format)?;
        so_far.say_what_is_shared()?;
    }
    opened.say_truncated(so_far.truncated.len(), context);
    Ok(so_far.found_count > 0)
}

/// The answer for one ID, made by the worker that traced it.
struct IdAnswer {
    message_count: usize,
    truncated: Vec<MessageMark>,
    /// The parts to print; each mark is printed only once.
    parts: Vec<(Option<MessageMark>, BatchPart)>,
}

impl IdAnswer {
    fn new(id: &str, messages: &[Message], format: AnswerFormat, zone: &Zone) -> io::Result<Self> {
        let parts = match format {
            AnswerFormat::Table => vec![(None, BatchPart::rows(id, messages, zone))],
            AnswerFormat::Csv => vec![(None, BatchPart::csv(id, messages, zone)?)],
            AnswerFormat::Json | AnswerFormat::Ndjson => messages
                .iter()
                .map(|it| Ok((Some(mark_of(it)), BatchPart::message(it, zone)?)))
                .collect::<io::Result<_>>()?,
        };
        let truncated = messages.iter().filter(|it| it.is_truncated).map(mark_of).collect();
        Ok(Self { message_count: messages.len(), truncated, parts })
    }
}

/// The results so far.
#[derive(Default)]
struct SoFar {
    found_count: u64,
    /// IDs that several messages have.
    shared_count: u64,
    not_found: Vec<String>,
    /// The messages written so far, if each is written only once.
    marks: HashSet<MessageMark>,
    /// Incomplete messages.
    truncated: HashSet<MessageMark>,
}

impl SoFar {
    /// Adds the answers of some IDs, and has them written.
    fn take(
        &mut self,
        ids: Vec<String>,
        answers: Vec<io::Result<IdAnswer>>,
        mut write: impl FnMut(&BatchPart) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut page = BatchPart::default();
        for (id, answer) in ids.into_iter().zip(answers) {
            let answer = answer?;
            match answer.message_count {
                0 => self.not_found.push(id),
                count => {
                    self.found_count += 1;
                    self.shared_count += u64::from(count > 1);
                }
            }
            self.truncated.extend(answer.truncated);
            for (mark, part) in answer.parts {
                // In JSON a message is written once, though several IDs may find it; in tables
                // each ID has its rows.
                if mark.is_none_or(|it| self.marks.insert(it)) {
                    page.append(part);
                }
            }
            if page.row_count() >= PAGE_ROWS {
                write(&std::mem::take(&mut page))?;
            }
        }
        if page.is_empty() { Ok(()) } else { write(&page) }
    }

    /// Says how many IDs belong to several messages.
    fn say_what_is_shared(&self) -> io::Result<()> {
        let mut stderr = anstream::stderr().lock();
        match self.shared_count {
            0 => Ok(()),
            1 => writeln!(stderr, "1 ID belongs to several messages"),
            count => writeln!(stderr, "{count} IDs belong to several messages"),
        }
    }

    /// Names the IDs without any event: all of them if the answer itself does not.
    fn say_what_is_missing(&self, note: Option<&str>, format: AnswerFormat) -> io::Result<()> {
        let mut stderr = anstream::stderr().lock();
        let shown = match format {
            AnswerFormat::Ndjson => self.not_found.len(),
            _ => self.not_found.len().min(limits::NOT_FOUND_SHOWN),
        };
        let more = self.not_found.len() - shown;
        let (shown, _) = self.not_found.split_at(shown);
        if more == 0 {
            return write_not_found(shown, note, &mut stderr);
        }
        write_not_found(shown, None, &mut stderr)?;
        let text = format!("and for {more} more, which the answer lists");
        writeln!(stderr, "{}", fit(&text, limits::TABLE_TEXT_COLUMNS_MAX))?;
        note.map_or(Ok(()), |it| writeln!(stderr, "  {it}"))
    }
}
