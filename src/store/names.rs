//! The names of what is in a store's directory.

/// The file that marks a directory as a store, and names its format.
pub(super) const MARKER: &str = "store.json";

/// The format that this version writes, and the newest that it reads.
pub(super) const FORMAT: u64 = 1;

/// The suffix of half-written files, which are swept whenever the store is opened for writing.
pub(super) const TEMPORARY_SUFFIX: &str = ".tmp";

pub(super) const LOCK: &str = "lock";
pub(super) const ARCHIVE: &str = "archive";
pub(super) const INDEX: &str = "index";
/// The directory in which the index is rebuilt before it replaces [`INDEX`].
pub(super) const INDEX_BEING_BUILT: &str = "index.new";
/// The old index for an instant, on file systems that cannot exchange two names.
pub(super) const INDEX_ASIDE: &str = "index.old.tmp";
pub(super) const REJECTED: &str = "rejected";
/// The message table.
pub(super) const MESSAGES: &str = "messages";
/// The index of records that are not email events; only stores that have such records have it.
pub(super) const AUDIT: &str = "audit";
/// The directory in which that index is rebuilt.
pub(super) const AUDIT_BEING_BUILT: &str = "audit.new";

/// The file that lists the rejects that are kept already.
pub(super) const KNOWN_REJECTS: &str = "rejected.json";
pub(super) const SUMS: &str = "SHA256SUMS";
/// The file of sources that added nothing.
pub(super) const REPEATS: &str = "repeats.json";
