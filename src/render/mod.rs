//! Answers as people and programs read them: tables, JSON, CSV, and text for a page.
//!
//! Whatever is printed was written by strangers. In a table and in CSV every text passes
//! [`sanitise`]; JSON escapes the same characters. Everything goes to the writer that the caller
//! gives; this module knows neither terminals nor files. Colours are written as ANSI sequences,
//! which a writer from `anstream` takes off where they are not wanted.

mod access;
mod address;
mod bars;
mod batch;
mod compare;
mod count_key;
mod csv;
mod directory;
mod events_table;
mod explained;
mod facets;
mod group_row;
mod groups;
mod headline;
mod html;
mod insights;
mod json;
mod messages_table;
mod provenance;
mod sanitise;
mod share;
mod sources;
mod stats_data;
mod stats_table;
mod step;
mod style;
mod table;
mod timeline;
mod trace_table;
mod triage;

pub use access::{
    access_cells, access_columns, access_details, access_owner, access_result, access_sentence,
    access_user, access_what, write_access_csv, write_access_groups_csv, write_access_groups_json,
    write_access_groups_ndjson, write_access_groups_table, write_access_ndjson, write_access_table,
};
pub use address::Marked;
pub use batch::{BatchRow, batch_rows, write_batch_csv, write_batch_csv_header, write_batch_table};
pub use compare::{write_compared_csv, write_compared_json, write_compared_table};
pub use csv::{
    BYTE_ORDER_MARK, csv_cell, event_cells, event_columns, write_events_csv, write_messages_csv,
};
pub use directory::{
    DirectoryAnswer, entity_counts, entity_facts, entity_state, write_directory_csv,
    write_directory_json, write_directory_ndjson, write_directory_table,
};
pub use events_table::{write_event_line, write_events_table};
pub use explained::{Explained, write_explained_csv, write_explained_json, write_explained_table};
pub use facets::{shape_json, write_shape_csv, write_shape_ndjson, write_shape_table};
pub use groups::{write_groups_csv, write_groups_json, write_groups_ndjson, write_groups_table};
pub use headline::headline;
pub use html::html_text;
pub use insights::{
    write_examples_csv, write_examples_json, write_examples_ndjson, write_examples_table,
    write_insights_csv, write_insights_json, write_insights_ndjson, write_insights_table,
};
pub use json::{
    TraceAnswer, write_events_ndjson, write_found_message, write_json, write_json_pretty,
    write_messages_ndjson, write_trace_json_end, write_trace_json_with_sources, write_trace_ndjson,
};
pub use messages_table::{write_matching_table, write_messages_table};
pub use provenance::{event_source_json, write_event_sources};
pub use sanitise::{columns, fit, sanitise};
pub use sources::{
    source_rows, write_sources_csv, write_sources_json, write_sources_ndjson, write_sources_table,
};
pub use stats_data::{
    write_counts_csv, write_counts_json, write_counts_ndjson, write_latency_csv,
    write_latency_json, write_metrics_csv, write_metrics_json, write_series_csv, write_series_json,
};
pub use stats_table::{
    absent_value, write_chart, write_counts_table, write_latency_tables, write_metrics_table,
};
pub use step::{marked_sentence, sentence};
pub use style::{BAD, GOOD, UNDECIDED};
pub use table::{Cell, Column, Table, TableOptions, wrap, write_pairs};
pub use timeline::{
    candidates_json, step_details, step_origin, write_candidates_table, write_timeline_csv,
    write_timeline_json, write_timeline_ndjson, write_timeline_table,
};
pub use trace_table::{
    checks, telling_recipients, why, write_divider, write_not_found, write_trace_table,
    write_trace_tables,
};
pub use triage::{
    finding_in_words, findings_of_nothing, write_triage, write_triage_csv, write_triage_json,
};

pub use crate::time::human_duration;
