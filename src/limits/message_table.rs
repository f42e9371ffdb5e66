//! Bounds of the message table.

/// Memory for the message table's entries until they are written, in bytes.
pub const TABLE_MEMORY_BYTES: usize = 64 << 20;

/// Events of a commit up to which the table's entries are made from the originals, not the columns.
pub const TABLE_READ_EVENTS_MAX: usize = 20_000;

/// Connected events that are held at once to make the entries of their messages.
pub const TABLE_CONNECTED_EVENTS_MAX: usize = 50_000;

/// Events of which a whole table is made at once, some 60 bytes each.
pub const TABLE_SLICE_EVENTS_MAX: u64 = 4_000_000;

/// Domains with mailboxes that the message table keeps beside its entries. An organization of
/// WorkMail has 1,000 at most; of more, which only files of many organizations have, the entries
/// tell.
pub const TABLE_MAILBOX_DOMAINS_MAX: usize = 2_000;

/// Groups of messages by values that are not numbered, some 200 bytes each: of more the answer is
/// that they are too many.
pub const GROUPS_MAX: usize = 1_000_000;
