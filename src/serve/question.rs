//! What the server asks of whoever knows the commands: it knows neither their options nor how they
//! answer.

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

/// A command that can be asked over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ApiCommand {
    /// What happened to messages with IDs.
    Trace,
    /// Messages by filter.
    Messages,
    /// Messages in groups.
    Groups,
    /// Events by query.
    Search,
    /// Audit events, or groups of them.
    Access,
    /// What one person did, and what happened to their mail.
    Timeline,
    /// Who has which address and ID.
    Directory,
    /// Counts.
    Stats,
    /// What deserves attention.
    Triage,
    /// What the store holds.
    Status,
    /// What was read into the store.
    Sources,
}

impl ApiCommand {
    /// All of them.
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

    /// Its name in a path.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The command of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// A question: a command and its options, as parameters that are named as these.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    /// What is asked.
    pub command: ApiCommand,
    /// How: `q` is the query, `id` an ID; all others are named as the command's options.
    pub parameters: &'q Parameters,
    /// When.
    pub now: Timestamp,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// It is none: a parameter that does not exist, or a value that cannot be read.
    #[error("{summary}")]
    Refused {
        /// What is wrong, in one line.
        summary: String,
        /// The place in the query and what to write instead, on lines of their own, where the query
        /// is what is wrong.
        report: Option<String>,
    },
    /// It cannot be answered.
    #[error("{0}")]
    Failed(String),
    /// It is about more than can be looked at here.
    #[error("{0}")]
    TooMuch(String),
    /// What would answer it does not answer.
    #[error("{0}")]
    Unavailable(String),
}

impl QuestionError {
    /// A refusal in one line.
    #[must_use]
    pub fn refused(summary: impl Into<String>) -> Self {
        Self::Refused { summary: summary.into(), report: None }
    }
}

/// Whatever prevents a store from answering.
impl From<crate::store::StoreError> for QuestionError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Whatever prevents a store from counting: most of it is asked for wrongly.
impl From<crate::stats::StatsError> for QuestionError {
    fn from(error: crate::stats::StatsError) -> Self {
        match error {
            crate::stats::StatsError::TooManyIntervals { .. }
            | crate::stats::StatsError::TooManyGroups => Self::refused(error.to_string()),
            crate::stats::StatsError::Store(error) => error.into(),
        }
    }
}

/// Messages that are asked for.
#[derive(Clone, Debug)]
pub struct MessagesQuestion {
    /// Which.
    pub filter: MessageFilter,
    /// What outcomes depend on.
    pub rules: JoinRules,
    /// Which come first.
    pub order: Order,
    /// Behind which place the page begins.
    pub after: Option<ListPosition>,
    /// How many there are on it at most.
    pub limit: usize,
    /// The zone of the times shown.
    pub zone: Zone,
}

/// Events that are asked for.
#[derive(Clone, Debug)]
pub struct EventsQuestion {
    /// Which.
    pub query: Query,
    /// Of which time.
    pub range: TimeRange,
    /// Behind which place the page begins.
    pub after: Option<EventPlace>,
    /// How many there are on it at most.
    pub limit: usize,
    /// The zone of the times shown.
    pub zone: Zone,
}

/// Audit events that are asked for.
#[derive(Clone, Debug)]
pub struct AccessQuestion {
    /// Which.
    pub request: AccessRequest,
    /// Which come first.
    pub order: AccessOrder,
    /// Behind which place the page begins.
    pub after: Option<AccessCursor>,
    /// How many there are on it at most.
    pub limit: usize,
    /// The zone of the times shown.
    pub zone: Zone,
}

/// A person whose timeline is asked for.
#[derive(Clone, Debug)]
pub struct TimelineQuestion {
    /// An address or an ID.
    pub who: String,
    /// Of which time.
    pub range: TimeRange,
    /// How many steps there are at most, the newest.
    pub limit: usize,
    /// The zone of the times shown.
    pub zone: Zone,
}

/// Entities of the directory that are asked for.
#[derive(Clone, Debug)]
pub struct DirectoryQuestion {
    /// An address or an ID, where not all are meant.
    pub who: Option<String>,
    /// Which kind alone is meant.
    pub kind: Option<EntityKind>,
    /// As of when; `None` is now.
    pub at: Option<Timestamp>,
    /// The zone of the times shown.
    pub zone: Zone,
}

/// Messages that are asked for by their IDs.
#[derive(Clone, Debug)]
pub struct TraceQuestion {
    /// As they were pasted.
    pub ids: Vec<String>,
    /// What outcomes depend on.
    pub rules: JoinRules,
    /// The zone of the times shown.
    pub zone: Zone,
}

/// Messages that are to be taken away.
pub struct ExportQuestion {
    /// Which.
    pub selection: ExportSelection,
    /// What was asked, for the manifest.
    pub question: export::BundleQuestion,
    /// What outcomes depend on.
    pub rules: JoinRules,
    /// The zone of the times shown.
    pub zone: Zone,
}

/// Answers questions of a store.
///
/// [`Questions::answer`] writes what the command prints. The others read the parameters of such a
/// question, with the same definitions that the command has, for whoever lays out its answer
/// otherwise.
pub trait Questions: Send + Sync + 'static {
    /// What the clock shows.
    fn now(&self) -> Timestamp;

    /// Writes what `mailtrace COMMAND --format json` prints, byte for byte.
    fn answer(
        &self,
        question: &Question<'_>,
        store: &Store,
        out: &mut dyn Write,
    ) -> Result<(), QuestionError>;

    /// Reads a question for messages.
    fn messages(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<MessagesQuestion, QuestionError>;

    /// Reads a question for events.
    fn events(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<EventsQuestion, QuestionError>;

    /// Reads a question for audit events.
    fn access(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<AccessQuestion, QuestionError>;

    /// Reads a question for the timeline of a person.
    fn timeline(&self, question: &Question<'_>) -> Result<TimelineQuestion, QuestionError>;

    /// Reads a question for entities of the directory.
    fn directory(&self, question: &Question<'_>) -> Result<DirectoryQuestion, QuestionError>;

    /// Reads a question for messages by their IDs.
    fn trace(&self, question: &Question<'_>, store: &Store)
    -> Result<TraceQuestion, QuestionError>;

    /// Reads a question for counts.
    fn stats(&self, question: &Question<'_>, store: &Store) -> Result<StatsRequest, QuestionError>;

    /// Reads a question for what deserves attention.
    fn triage(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<TriageRequest, QuestionError>;

    /// Reads a question for messages, or for messages by their IDs, and finds these, as an export
    /// does.
    fn export(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<ExportQuestion, QuestionError>;

    /// The zone in which times are shown.
    fn zone(&self, parameters: &Parameters) -> Result<Zone, QuestionError>;

    /// The command line that asks the same.
    fn command_line(&self, question: &Question<'_>) -> Result<String, QuestionError>;

    /// The parameters that a command takes.
    fn parameters(&self, command: ApiCommand) -> Vec<ParameterDefinition>;
}

/// A parameter, for the description of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterDefinition {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub help: String,
    /// Whether it may stand several times.
    pub repeats: bool,
    /// Whether it must be there.
    pub is_required: bool,
    /// Whether it says yes or no.
    pub is_flag: bool,
    /// Its only values, where these are few.
    pub values: Vec<String>,
    /// Its value when it is not there.
    pub default: Option<String>,
}
