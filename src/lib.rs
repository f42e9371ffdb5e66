//! Keeps Amazon WorkMail's email event logs for good and answers *what happened to this message*.
//!
//! A record's way through the crate: bytes are framed and decoded into [`source::Record`]s,
//! parsed into [`event::Event`]s, stored under one commit point ([`store`]), found again by
//! [`query`] or by their IDs, joined into messages with an outcome for each recipient
//! ([`trace`]), and [`render`]ed. A module uses only those before it in this list:
//!
//! | module | holds |
//! |---|---|
//! | [`limits`] | every bound in one table, with unit and reason |
//! | `causes` | an error and what it was caused by, in one line |
//! | `text`, `json`, `fs` | words and bytes, values of our own as JSON, names and sums of files |
//! | [`stop`] | being told to stop |
//! | [`temporary`] | directories that are not to outlive their process |
//! | [`time`] | instants, ranges, the forms in which people write them |
//! | [`event`] | what one log message says: the parser, addresses, message IDs |
//! | [`audit`] | what one audit event says, and what else is kept that is no email event |
//! | [`source`] | where records come from: formats, compression, framing |
//! | [`directory`] | who has which address and ID, who is in which group, at any time |
//! | [`aws`] | Amazon's services: credentials, CloudWatch Logs, pacing, what their errors mean |
//! | [`store`] | the archive of originals, the index over it, commit, recovery, verification |
//! | [`ingest`] | the pipeline from sources to the store |
//! | [`pull`] | from CloudWatch Logs to the store, without losing an event |
//! | [`provisioning`] | event logging on the AWS side: policies, what there is, setting it up, checking it, taking it down |
//! | [`query`] | the search language, and what an answer to it is |
//! | [`insights`] | CloudWatch Logs Insights' language, answered by the store |
//! | [`trace`] | legs, the join, and where an outcome is decided |
//! | [`stats`] | counts over the whole store, latencies, metrics |
//! | [`access`] | who did what in which mailbox, and who was kept out |
//! | [`timeline`] | what one person did, and what happened to their mail |
//! | [`triage`] | what deserves attention in a period |
//! | [`schema`] | the shapes of messages, without values |
//! | [`render`] | tables, JSON, CSV; the only way by which mail text reaches a terminal |
//! | [`signing`] | minisign signatures of a store's head and of exports |
//! | [`export`] | evidence bundles, redaction, files for other programs |
//! | [`cluster`] | a store brought into OpenSearch |
//! | [`synth`] | synthetic logs, with the truth beside them |
//! | [`config`] | the configuration file |
//! | [`serve`] | the page and the API: who may ask, what is answered over HTTP |
//! | [`cli`] | the command line, for the program only |
//!
//! # Example
//!
//! Files can be asked without keeping anything. With a store that lasts, [`ingest::import`] fills
//! it and [`store::Store::open`] opens it.
//!
//! ```
//! use mailtrace::ingest::{ImportOptions, import_temporarily, temporary_directory};
//! use mailtrace::render::headline;
//! use mailtrace::trace::{JoinRules, trace_ids};
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
//! use mailtrace::ingest::{ImportOptions, import_temporarily, temporary_directory};
//! use mailtrace::time::{TimeRange, Timestamp, Zone};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let paths = ["samples/filter-log-events.ndjson".into()];
//! let dir = temporary_directory()?;
//! let (store, _) =
//!     import_temporarily(dir.path(), &paths, &ImportOptions::default(), &mut |_| {})?;
//! let query = mailtrace::query::parse("to:bob@acme.example status:5.*", Timestamp::now(), &Zone::UTC)?;
//! for event in mailtrace::query::search(&store, &query, TimeRange::default(), 100)? {
//!     println!("{}", event?.record.message);
//! }
//! # Ok(())
//! # }
//! ```

pub mod access;
pub mod audit;
#[cfg(feature = "aws")]
pub mod aws;
mod causes;
pub mod cli;
#[cfg(feature = "aws")]
pub mod cluster;
pub mod config;
pub mod directory;
pub mod event;
pub mod export;
mod fs;
pub mod ingest;
pub mod insights;
mod json;
pub mod limits;
#[cfg(feature = "aws")]
pub mod provisioning;
#[cfg(feature = "aws")]
pub mod pull;
pub mod query;
pub mod render;
pub mod schema;
#[cfg(feature = "serve")]
pub mod serve;
mod shell;
pub mod signing;
pub mod source;
pub mod stats;
pub mod stop;
pub mod store;
pub mod synth;
pub mod temporary;
mod text;
pub mod time;
pub mod timeline;
pub mod trace;
pub mod triage;
