//! `mailtrace trace --batch`: many IDs, answered in their order.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};

use super::ids::Ids;
use super::input::Opened;
use super::listing::Elements;
use super::trace::coverage_note;
use super::{Context, Format};
use crate::limits;
use crate::render::{
    BatchRow, batch_rows, fit, write_batch_csv, write_batch_csv_header, write_batch_table,
    write_messages_ndjson, write_not_found, write_trace_json_end,
};
use crate::time::Zone;
use crate::trace::{JoinRules, Message, MessageMark, mark_of, trace_batch};

/// Rows of a table that are laid out together.
const PAGE_ROWS: usize = 1_000;

/// Traces all IDs and writes what is found; tells whether anything was.
pub(super) fn answer(
    mut ids: Ids,
    opened: &Opened,
    rules: &JoinRules,
    context: &Context,
) -> anyhow::Result<bool> {
    let store = &opened.store;
    let mut out = BufWriter::new(stdout(context.global.format));
    let mut writer = Answers {
        context,
        found_count: 0,
        shared_count: 0,
        not_found: Vec::new(),
        elements: Elements::of(context.global.format),
        marks: HashSet::new(),
        truncated: HashSet::new(),
    };
    let format = context.global.format;
    writer.begin(&mut out)?;
    loop {
        let asked = ids.next_ids(limits::BATCH_WINDOW_IDS)?;
        if asked.is_empty() {
            break;
        }
        let answers = trace_batch(store, &asked, rules, |id, messages| {
            Answer::new(id, messages, format, &context.zone)
        })?;
        writer.write(asked, answers, &mut out)?;
    }
    let note = coverage_note(store, context);
    let note = (!writer.not_found.is_empty()).then_some(note.as_str());
    if format == Format::Json {
        write_trace_json_end(&writer.not_found, &[], note, None, &mut out)?;
    }
    out.flush()?;
    if !context.global.quiet {
        writer.say_what_is_missing(note)?;
        writer.say_what_is_shared()?;
    }
    opened.say_truncated(writer.truncated.len(), context);
    Ok(writer.found_count > 0)
}

/// Only a table has colours, and much time would go into looking for some to take off elsewhere.
fn stdout(format: Format) -> Box<dyn Write> {
    match format {
        Format::Table => Box::new(anstream::stdout().lock()),
        _ => Box::new(io::stdout().lock()),
    }
}

/// What one ID is answered with, made by whichever worker traced it.
struct Answer {
    message_count: usize,
    truncated: Vec<MessageMark>,
    text: Text,
}

enum Text {
    Rows(Vec<BatchRow>),
    Csv(Vec<u8>),
    /// One JSON object for each message, each to be written once.
    Messages(Vec<(MessageMark, Vec<u8>)>),
}

impl Answer {
    fn new(id: &str, messages: &[Message], format: Format, zone: &Zone) -> io::Result<Self> {
        let text = match format {
            Format::Table => Text::Rows(batch_rows(id, messages, zone)),
            Format::Csv => {
                let mut rows = Vec::new();
                write_batch_csv(id, messages, zone, &mut rows)?;
                Text::Csv(rows)
            }
            Format::Json | Format::Ndjson => Text::Messages(
                messages
                    .iter()
                    .map(|message| {
                        let mut line = Vec::new();
                        write_messages_ndjson(
                            std::slice::from_ref(message),
                            true,
                            zone,
                            &mut line,
                        )?;
                        Ok((mark_of(message), line))
                    })
                    .collect::<io::Result<_>>()?,
            ),
        };
        let truncated = messages.iter().filter(|it| it.is_truncated).map(mark_of).collect();
        Ok(Self { message_count: messages.len(), truncated, text })
    }
}

/// Puts the answers behind each other.
struct Answers<'c> {
    context: &'c Context,
    found_count: u64,
    /// IDs that several messages have.
    shared_count: u64,
    not_found: Vec<String>,
    elements: Elements,
    /// The messages that were written, where each is to be written once.
    marks: HashSet<MessageMark>,
    /// Those that are not whole.
    truncated: HashSet<MessageMark>,
}

impl Answers<'_> {
    fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.context.global.format {
            Format::Csv => write_batch_csv_header(out),
            Format::Json => out.write_all(b"{\"messages\":["),
            Format::Table | Format::Ndjson => Ok(()),
        }
    }

    fn write(
        &mut self,
        ids: Vec<String>,
        answers: Vec<io::Result<Answer>>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut page = Vec::new();
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
            match answer.text {
                Text::Rows(rows) => page.extend(rows),
                Text::Csv(rows) => out.write_all(&rows)?,
                Text::Messages(messages) => {
                    for (mark, line) in messages {
                        self.write_once(mark, &line, out)?;
                    }
                }
            }
            if page.len() >= PAGE_ROWS {
                self.write_page(&mut page, out)?;
            }
        }
        self.write_page(&mut page, out)
    }

    fn write_page(&self, page: &mut Vec<BatchRow>, out: &mut dyn Write) -> io::Result<()> {
        if page.is_empty() {
            return Ok(());
        }
        write_batch_table(page.drain(..), &self.context.table_options(false), out)
    }

    fn write_once(
        &mut self,
        mark: MessageMark,
        line: &[u8],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.marks.insert(mark) { self.elements.write(line, out) } else { Ok(()) }
    }

    /// Says how many IDs are those of several messages.
    fn say_what_is_shared(&self) -> io::Result<()> {
        let mut stderr = anstream::stderr().lock();
        match self.shared_count {
            0 => Ok(()),
            1 => writeln!(stderr, "1 ID is that of several messages"),
            count => writeln!(stderr, "{count} IDs are those of several messages"),
        }
    }

    /// Names the IDs that no event has: all of them where the answer itself does not.
    fn say_what_is_missing(&self, note: Option<&str>) -> io::Result<()> {
        let mut stderr = anstream::stderr().lock();
        let shown = match self.context.global.format {
            Format::Ndjson => self.not_found.len(),
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
