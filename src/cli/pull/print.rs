//! Printing the new events of a pull.

use crate::cli::args::question::{parse_query, parse_rows};
use crate::cli::context::{Context, running_clock};
use crate::limits;
use crate::pull::PullNews;
use crate::query::Query;
use crate::render::EventLines;
use crate::store::{Store, StoredEvent};
use crate::trace::{JoinRules, events_of_rows};

/// The new events to print.
pub(crate) enum Print {
    /// Events that a query on events finds.
    Events(Query),
    /// Events of the rows that a query finds, as they are after the commit.
    Rows(Query),
}

impl Print {
    /// Parses a query. One that names fields of rows asks rows.
    pub(crate) fn parse(text: &str, context: &Context) -> anyhow::Result<Self> {
        let rows = parse_rows(text, context)?;
        if rows.is_of_rows() {
            Ok(Self::Rows(rows))
        } else {
            parse_query(text, context).map(Self::Events)
        }
    }
}

/// Prints the new events of one pull.
pub(crate) struct NewEventsPrinter<'p> {
    print: &'p Print,
    context: &'p Context,
    /// New events that no commit has made visible yet, if rows are asked.
    waiting: Vec<StoredEvent>,
}

impl<'p> NewEventsPrinter<'p> {
    pub(crate) fn new(print: &'p Print, context: &'p Context) -> Self {
        Self { print, context, waiting: Vec::new() }
    }

    /// Takes an event or a commit from the pull.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written, or the store cannot be read.
    pub(crate) fn take(&mut self, news: PullNews) -> anyhow::Result<()> {
        match (news, self.print) {
            (PullNews::Event(event), Print::Events(query)) if query.matches(&event) => {
                Ok(self.context.print(&EventLines(std::slice::from_ref(&*event)))?)
            }
            (PullNews::Event(event), Print::Rows(_)) => {
                self.waiting.push(*event);
                Ok(())
            }
            (PullNews::Committed, Print::Rows(rows)) if !self.waiting.is_empty() => {
                let waiting = std::mem::take(&mut self.waiting);
                let found = self.found(rows, waiting)?;
                Ok(self.context.print(&EventLines(&found))?)
            }
            (PullNews::Event(_) | PullNews::Committed, _) => Ok(()),
        }
    }

    fn found(&self, rows: &Query, events: Vec<StoredEvent>) -> anyhow::Result<Vec<StoredEvent>> {
        // Opened after each commit: rows are judged with all that the store has by then.
        let store = Store::open(&self.context.store_path()?)?;
        let now = running_clock(self.context).now();
        let rules = JoinRules::of_store(&store, limits::GRACE_MS_DEFAULT, now);
        Ok(events_of_rows(&store, &rules, rows, events)?)
    }
}
