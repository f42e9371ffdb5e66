//! The interface through which the server asks the commands: it knows neither their options nor how
//! they answer.

use std::io::Write;

use super::Parameters;
use crate::access::{AccessCursor, AccessOrder, AccessRequest};
use crate::directory::EntityKind;
use crate::export::{self, ExportSelection};
use crate::query::Query;
use crate::stats::StatsRequest;
use crate::store::{EventPlace, Store};
use crate::time::{TimeRange, Timestamp, Zone};
use crate::trace::{JoinRules, ListPosition, MessageFilter, Order};
use crate::triage::TriageRequest;

/// A command that is available over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ApiCommand {
    /// Traces messages by their IDs.
    Trace,
    /// Lists messages by filter.
    Messages,
    /// Groups messages.
    Groups,
    /// Lists events by query.
    Search,
    /// Lists or groups audit events.
    Access,
    /// Shows what a person did and what happened to their mail.
    Timeline,
    /// Lists addresses and IDs with their owners.
    Directory,
    /// Counts events and messages.
    Stats,
    /// Shows what deserves attention.
    Triage,
    /// Describes the store's content.
    Status,
    /// Lists what was read into the store.
    Sources,
}

impl ApiCommand {
    /// All commands.
    pub const ALL: [Self; 11] = [
        Self::Trace,
        Self::Messages,
        Self::Groups,
        Self::Search,
        Self::Access,
        Self::Timeline,
        Self::Directory,
        Self::Stats,
        Self::Triage,
        Self::Status,
        Self::Sources,
    ];

    /// Returns the command's name in a path.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the command with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// A command and its options, given as parameters of the same names.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    /// The command.
    pub command: ApiCommand,
    /// The options: `q` is the query, `id` an ID; all others have the names of the command's
    /// options.
    pub parameters: &'q Parameters,
    /// The time of asking.
    pub now: Timestamp,
}

/// The reason why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// An unknown parameter, or a value that cannot be parsed.
    #[error("{summary}")]
    Refused {
        /// The error in one line.
        summary: String,
        /// If the query is wrong: the place in it and what to write instead, on several lines.
        report: Option<String>,
    },
    /// The answer could not be made.
    #[error("{0}")]
    Failed(String),
    /// The question covers more than can be fetched.
    #[error("{0}")]
    TooMuch(String),
    /// The source of the answer does not respond.
    #[error("{0}")]
    Unavailable(String),
}

impl QuestionError {
    /// Returns a refusal of one line.
    #[must_use]
    pub fn refused(summary: impl Into<String>) -> Self {
        Self::Refused { summary: summary.into(), report: None }
    }
}

/// Any failure of the store.
impl From<crate::store::StoreError> for QuestionError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Any failure to count, most of which are mistakes in the question.
impl From<crate::stats::StatsError> for QuestionError {
    fn from(error: crate::stats::StatsError) -> Self {
        match error {
            crate::stats::StatsError::TooManyIntervals { .. }
            | crate::stats::StatsError::TooManyGroups => Self::refused(error.to_string()),
            crate::stats::StatsError::Store(error) => error.into(),
        }
    }
}

/// A parsed question for messages.
#[derive(Clone, Debug)]
pub struct MessagesQuestion {
    /// Selects them.
    pub filter: MessageFilter,
    /// The rules on which outcomes depend.
    pub rules: JoinRules,
    /// The order of the list.
    pub order: Order,
    /// The position after which the page begins.
    pub after: Option<ListPosition>,
    /// Maximum number on the page.
    pub limit: usize,
    /// The time zone of the output.
    pub zone: Zone,
}

/// A parsed question for events.
#[derive(Clone, Debug)]
pub struct EventsQuestion {
    /// Selects them.
    pub query: Query,
    /// The period.
    pub range: TimeRange,
    /// The position after which the page begins.
    pub after: Option<EventPlace>,
    /// Maximum number on the page.
    pub limit: usize,
    /// The time zone of the output.
    pub zone: Zone,
}

/// A parsed question for audit events.
#[derive(Clone, Debug)]
pub struct AccessQuestion {
    /// Selects them.
    pub request: AccessRequest,
    /// The order of the list.
    pub order: AccessOrder,
    /// The position after which the page begins.
    pub after: Option<AccessCursor>,
    /// Maximum number on the page.
    pub limit: usize,
    /// The time zone of the output.
    pub zone: Zone,
}

/// A parsed question for a person's timeline.
#[derive(Clone, Debug)]
pub struct TimelineQuestion {
    /// An address or an ID.
    pub who: String,
    /// The period.
    pub range: TimeRange,
    /// Maximum number of steps; the newest are shown.
    pub limit: usize,
    /// The time zone of the output.
    pub zone: Zone,
}

/// A parsed question for entities of the directory.
#[derive(Clone, Debug)]
pub struct DirectoryQuestion {
    /// An address or an ID; `None` means all entities.
    pub who: Option<String>,
    /// Restricts the answer to one kind.
    pub kind: Option<EntityKind>,
    /// The time at which to look; `None` is now.
    pub at: Option<Timestamp>,
    /// The time zone of the output.
    pub zone: Zone,
}

/// A parsed question for messages by their IDs.
#[derive(Clone, Debug)]
pub struct TraceQuestion {
    /// The IDs as they were pasted.
    pub ids: Vec<String>,
    /// The rules on which outcomes depend.
    pub rules: JoinRules,
    /// The time zone of the output.
    pub zone: Zone,
}

/// A parsed question for messages to export.
pub struct ExportQuestion {
    /// Selects them.
    pub selection: ExportSelection,
    /// The question as the manifest records it.
    pub question: export::BundleQuestion,
    /// The rules on which outcomes depend.
    pub rules: JoinRules,
    /// The time zone of the output.
    pub zone: Zone,
}

/// Answers questions about a store.
///
/// [`Questions::answer`] writes what the command prints. The other methods parse the parameters of
/// a question, with the command's own definitions, for a caller that lays out the answer
/// differently.
pub trait Questions: Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Writes what `mailtrace COMMAND --format json` prints, byte for byte.
    fn answer(
        &self,
        question: &Question<'_>,
        store: &Store,
        out: &mut dyn Write,
    ) -> Result<(), QuestionError>;

    /// Parses a question for messages.
    fn messages(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<MessagesQuestion, QuestionError>;

    /// Parses a question for events.
    fn events(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<EventsQuestion, QuestionError>;

    /// Parses a question for audit events.
    fn access(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<AccessQuestion, QuestionError>;

    /// Parses a question for a person's timeline.
    fn timeline(&self, question: &Question<'_>) -> Result<TimelineQuestion, QuestionError>;

    /// Parses a question for entities of the directory.
    fn directory(&self, question: &Question<'_>) -> Result<DirectoryQuestion, QuestionError>;

    /// Parses a question for messages by their IDs.
    fn trace(&self, question: &Question<'_>, store: &Store)
    -> Result<TraceQuestion, QuestionError>;

    /// Parses a question for counts.
    fn stats(&self, question: &Question<'_>, store: &Store) -> Result<StatsRequest, QuestionError>;

    /// Parses a question for what deserves attention.
    fn triage(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<TriageRequest, QuestionError>;

    /// Parses a question for messages, by filter or by their IDs, and selects them as an export
    /// does.
    fn export(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<ExportQuestion, QuestionError>;

    /// Returns the time zone of the output.
    fn zone(&self, parameters: &Parameters) -> Result<Zone, QuestionError>;

    /// Returns the command line that asks the same.
    fn command_line(&self, question: &Question<'_>) -> Result<String, QuestionError>;

    /// Returns the parameters that a command takes.
    fn parameters(&self, command: ApiCommand) -> Vec<ParameterDefinition>;
}

/// A parameter in the description of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterDefinition {
    /// Its name.
    pub name: String,
    /// Its purpose.
    pub help: String,
    /// True if it may be repeated.
    pub repeats: bool,
    /// True if it is mandatory.
    pub is_required: bool,
    /// True if it is a boolean.
    pub is_flag: bool,
    /// Its possible values, if there are only a few.
    pub values: Vec<String>,
    /// Its value if it is absent.
    pub default: Option<String>,
}
