//! Bounds of the message table.

/// Bytes of memory for the message table's entries until they are written.
pub const TABLE_MEMORY_BYTES: usize = 64 << 20;

/// Events of a commit up to which the table's entries are made from the originals, not from the
/// columns.
pub const TABLE_READ_EVENTS_MAX: usize = 20_000;

/// Connected events that are held at once to make the entries of their messages.
pub const TABLE_CONNECTED_EVENTS_MAX: usize = 50_000;

/// Events from which a whole table is made at a time, some 60 bytes each.
pub const TABLE_SLICE_EVENTS_MAX: u64 = 4_000_000;

/// Domains with mailboxes that the message table keeps beside its entries. A WorkMail organization
/// has at most 1,000. If there are more, which takes files of many organizations, the entries are
/// consulted.
pub const TABLE_MAILBOX_DOMAINS_MAX: usize = 2_000;

/// Groups of messages by values that are not numbered, some 200 bytes each. With more, the answer
/// is that there are too many.
pub const GROUPS_MAX: usize = 1_000_000;
