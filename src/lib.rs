//! Keeps Amazon WorkMail's email event logs for good and answers *what happened to this message*.
//!
//! A record's way through the crate: bytes are framed and decoded into [`Record`]s,
//! parsed into [`Event`]s, stored under one commit point ([`Store`]), found again by a [`Query`] or
//! by their IDs, joined into [`Message`]s with an outcome for each recipient, and rendered. A module
//! uses only those before it in this list:
//!
//! | module | holds |
//! |---|---|
//! | `limits` | every bound in one table, with unit and reason |
//! | `causes` | an error and what it was caused by, in one line |
//! | `text`, `json`, `fs` | words and bytes, values of our own as JSON, names and sums of files |
//! | `stop` | being told to stop |
//! | `temporary` | directories that are not to outlive their process |
//! | `time` | instants, ranges, the forms in which people write them |
//! | `event` | what one log message says: the parser, addresses, message IDs |
//! | `audit` | what one audit event says, and what else is kept that is no email event |
//! | `source` | where records come from: formats, compression, framing |
//! | `directory` | who has which address and ID, who is in which group, at any time |
//! | `aws` | Amazon's services: credentials, CloudWatch Logs, pacing, what their errors mean |
//! | `store` | the archive of originals, the index over it, commit, recovery, verification |
//! | `ingest` | the pipeline from sources to the store |
//! | `pull` | from CloudWatch Logs to the store, without losing an event |
//! | `provisioning` | event logging on the AWS side: policies, what there is, setting it up, checking it, taking it down |
//! | `query` | the search language, and what an answer to it is |
//! | `insights` | CloudWatch Logs Insights' language, answered by the store |
//! | `trace` | legs, the join, and where an outcome is decided |
//! | `stats` | counts over the whole store, latencies, metrics |
//! | `access` | who did what in which mailbox, and who was kept out |
//! | `timeline` | what one person did, and what happened to their mail |
//! | `triage` | what deserves attention in a period |
//! | `schema` | the shapes of messages, without values |
//! | `signing` | minisign signatures of a store's head and of exports |
//! | `render` | every answer as table, JSON, NDJSON and CSV, and the one printer; the only way by which mail text reaches a terminal |
//! | `export` | evidence bundles, redaction, files for other programs |
//! | `cluster` | a store brought into OpenSearch |
//! | `synth` | synthetic logs, with the truth beside them |
//! | `config` | the configuration file |
//! | `serve` | the page and the API: who may ask, what is answered over HTTP |
//! | `cli` | the command line, for the program only |
//!
//! # Example
//!
//! Files can be asked without keeping anything. With a store that lasts, [`import`] fills
//! it and [`Store::open`] opens it.
//!
//! ```
//! use mailtrace::{ImportOptions, JoinRules, headline, import_temporarily, temporary_directory, trace_ids};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let paths = ["samples/filter-log-events.ndjson".into()];
//! let dir = temporary_directory()?;
//! let (store, report) =
//!     import_temporarily(dir.path(), &paths, &ImportOptions::default(), &mut |_| {})?;
//! assert_eq!(report.added(), 16);
//!
//! let traced = trace_ids(&store, ["<20261123.1001@acme.example>"], &JoinRules::default())?;
//! assert_eq!(
//!     headline(&traced.messages[0]).to_string(),
//!     "Delivered to 2 of 3 recipients; bounced for bob@acme.example: 5.2.2 mailbox full",
//! );
//! # Ok(())
//! # }
//! ```
//!
//! Searching:
//!
//! ```
//! use mailtrace::{ImportOptions, TimeRange, Timestamp, Zone, import_temporarily, parse_query, search, temporary_directory};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let paths = ["samples/filter-log-events.ndjson".into()];
//! let dir = temporary_directory()?;
//! let (store, _) =
//!     import_temporarily(dir.path(), &paths, &ImportOptions::default(), &mut |_| {})?;
//! let query = parse_query("to:bob@acme.example status:5.*", Timestamp::now(), &Zone::UTC)?;
//! for event in search(&store, &query, TimeRange::default(), 100)? {
//!     println!("{}", event?.record.message);
//! }
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    not(all(feature = "aws", feature = "serve")),
    allow(
        dead_code,
        unused_imports,
        reason = "some is used only by what asks AWS or serves pages"
    )
)]

mod access;
mod audit;
#[cfg(feature = "aws")]
mod aws;
mod causes;
mod cli;
#[cfg(feature = "aws")]
mod cluster;
mod config;
mod directory;
mod event;
mod export;
mod fs;
mod ingest;
mod insights;
mod json;
mod limits;
#[cfg(feature = "aws")]
mod provisioning;
#[cfg(feature = "aws")]
mod pull;
mod query;
mod render;
mod schema;
#[cfg(feature = "serve")]
mod serve;
mod shell;
mod signing;
mod source;
mod stats;
mod stop;
mod store;
mod synth;
mod temporary;
mod text;
mod time;
mod timeline;
mod trace;
mod triage;

pub use event::{
    Address, Event, EventName, MessageId, Parser, StatusCode, decoded_subject, pasted_id,
};
pub use ingest::{ImportOptions, import, import_temporarily, temporary_directory};
pub use query::{Query, QueryError, parse as parse_query, search};
pub use render::{headline, sanitise};
pub use source::Record;
pub use store::{Store, StoreWriter, StoredEvent};
pub use time::{TimeError, TimeRange, Timestamp, Zone};
pub use trace::{
    JoinRules, Message, MessageFilter, Outcome, bounce_in_words, join, trace_batch, trace_ids,
};

#[doc(hidden)]
pub use cli::main;

/// For the tests, benches and fuzz targets of this crate alone, and different whenever they are.
#[doc(hidden)]
pub mod internals {
    #[cfg(feature = "aws")]
    pub use crate::aws::{RateLimiter, SessionOptions, default_group};
    pub use crate::directory::{Entity, EntityKind, Member, Said, Statement};
    pub use crate::event::each_address;
    pub use crate::export::{ProblemKind, check_bundle};
    pub use crate::insights::{
        EXAMPLES, Request as InsightsRequest, ask as ask_insights, parse as parse_insights,
    };
    pub use crate::limits::{QUERY_BYTES_MAX, REJECTED_PART_BYTES};
    #[cfg(feature = "aws")]
    pub use crate::provisioning::{
        Given, LintWish, Policy, Scope, excess_permissions, lint, missing_permissions,
        shell_command, trust_findings, trust_problems,
    };
    #[cfg(feature = "aws")]
    pub use crate::pull::{PullOptions, PullReport, Puller};
    pub use crate::query::{
        Field, FieldKind, Language, Matcher, Pattern, QueryErrorKind, Span, ValueSet,
    };
    pub use crate::render::{
        Answer, AnswerFormat, EventLines, FoundEvents, JsonWriter, Part, Printer, TableOptions,
        TraceAnswer, columns, csv_cell, event_cells, fit, html_text, human_duration, sentence,
        wrap,
    };
    pub use crate::schema::Shapes;
    pub use crate::source::{
        BUNDLE_FORMAT, BUNDLE_MANIFEST, BUNDLE_RECORDS, Batch, Claim, Compression, Decoded,
        Decoder, Format, Input, Output, RejectReason, SourceReader,
    };
    pub use crate::stats::{
        CountKey, Counts, StatsRequest, cause_of, count_by, latencies, metrics,
    };
    pub use crate::stop::Stop;
    pub use crate::store::words::{folded, words};
    pub use crate::store::{
        Attribute, CoveredRange, OriginCounts, OriginId, OriginKind, OriginStart, PreparedBatch,
        Preparer, VerifyOptions, verify,
    };
    pub use crate::synth::{Shape, SynthOptions, Writer, generate};
    pub use crate::time::{Clock, Interval, parse_duration_ms, parse_time_argument};
    pub use crate::trace::{Direction, OutcomeWord, Verdict, keep_table, select, status_class};
}
