//! Answers laid out for people and programs: tables, JSON, CSV, and text for a page.
//!
//! Each question has an [`Answer`], which the one [`Printer`] prints.
//!
//! Everything printed was written by strangers. In tables and CSV every text passes through
//! [`sanitise`]; JSON escapes the same characters. All output goes to the caller's writer; this
//! module knows neither terminals nor files. Colours are ANSI sequences, which a writer from
//! `anstream` removes where they are not wanted.

mod access;
mod address;
mod answer;
mod bars;
mod batch;
mod compare;
mod count_key;
mod counts;
mod csv;
mod directory;
mod events;
mod explained;
mod facets;
mod group_row;
mod groups;
mod headline;
mod html;
mod insights;
mod json;
mod latencies;
mod messages;
mod provenance;
mod removal;
mod sanitise;
mod schema;
mod share;
mod sources;
mod status;
mod step;
mod style;
mod table;
mod timeline;
mod trace;
mod trace_table;
mod triage;
mod verification;
mod words;

pub use access::{
    AccessEvents, access_cells, access_columns, access_details, access_owner, access_result,
    access_sentence, access_user, access_what,
};
pub use address::Marked;
pub use answer::{
    Answer, AnswerFormat, BriefAnswer, JsonWriter, ListHead, Part, Printer, write_csv,
    write_csv_rows,
};
pub use batch::BatchPart;
pub use counts::{CountsByValue, CountsOverTime, EventCounts, absent_value};
pub use csv::{
    BYTE_ORDER_MARK, csv_cell, event_cells, event_columns, message_columns, message_rows,
};
pub use directory::{DirectoryAnswer, entity_counts, entity_facts, entity_state};
pub use events::{EventLines, FoundEvents};
pub use explained::Explained;
pub use facets::AnswerShape;
pub use headline::headline;
pub use html::html_text;
pub use insights::InsightsExamples;
pub use json::{write_json, write_json_pretty};
pub use latencies::{LatencyAnswer, MetricsAnswer};
pub use messages::{FoundMessages, Related, RelatedMessages};
pub use provenance::event_source_json;
pub use removal::RemovalAnswer;
pub use sanitise::{columns, fit, sanitise};
pub use sources::SourcesAnswer;
pub use status::StoreStatus;
pub use step::{marked_sentence, sentence};
pub use style::{BAD, GOOD, UNDECIDED};
pub use table::{TableOptions, wrap, write_pairs};
pub use timeline::{step_details, step_origin};
pub use trace::{MessageCandidates, TraceAnswer};
pub use trace_table::{checks, telling_recipients, why, write_not_found};
pub use triage::{TriageAnswer, finding_in_words, findings_of_nothing};
pub use verification::{SignedHead, Verification, signed_in_words, signed_json};
pub use words::{bytes_in_words, counted, human_duration};
