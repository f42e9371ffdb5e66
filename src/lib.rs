//! Keeps Amazon WorkMail's email event logs for good and answers *what happened to this message*.
//!
//! A record's way through the crate: bytes are framed into [`source::Record`]s, parsed into
//! [`event::Event`]s, and stored.

pub mod cli;
pub mod event;
pub mod ingest;
pub mod limits;
pub mod query;
pub mod render;
pub mod schema;
pub mod source;
pub mod store;
pub mod synth;
pub mod time;
pub mod trace;
