//! Provenance: from which file, object or pull each record came, from which line of it, and when.
//!
//! Each commit notes in the archive which sources it read ([`Origin`]) and, in runs, which records
//! came from which of them ([`Runs`]). The index knows nothing of this, so its commit does not grow
//! with the number of sources. A source that added nothing has no record to speak of: it is kept in
//! a separate file ([`Repeats`]), once however often it comes.

mod open_origins;
mod origin;
mod repeats;
mod runs;

pub use origin::{Origin, OriginCounts, OriginEnd, OriginId, OriginKind, OriginStart};
pub use repeats::RepeatedOrigin;
pub use runs::Place;

pub(super) use open_origins::OpenOrigins;
pub(super) use repeats::Repeats;
pub(super) use runs::Runs;
