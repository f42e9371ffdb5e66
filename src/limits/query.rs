//! Bounds of the query language.

/// Bytes of a search query. Tantivy's query types recurse, so long ones could overflow the stack.
pub const QUERY_BYTES_MAX: usize = 8 << 10;

/// Nesting depth of a search query.
pub const QUERY_DEPTH_MAX: usize = 64;

/// Bytes of a query's compiled regular expression.
pub const QUERY_REGEX_BYTES_MAX: usize = 1 << 20;

/// Bytes that matching a query's regular expression may cache for each thread.
pub const QUERY_REGEX_CACHE_BYTES_MAX: usize = 2 << 20;

/// Nesting depth of a regular expression.
pub const QUERY_REGEX_DEPTH_MAX: u32 = 64;

/// Events that an index finds for a query on messages, above which the messages are not read one by
/// one.
pub const QUERY_CANDIDATES_MAX: usize = 100_000;

/// Events that are read one after the other while one message is gathered by the places of its
/// events.
pub const EVENTS_READ_PER_MESSAGE: usize = 64;

/// Events of a query on messages that one worker takes at once.
pub const QUERY_CANDIDATES_AT_ONCE: usize = 256;

/// Characters of a part of an ID to search for.
pub const ID_PART_CHARS_MIN: usize = 6;

/// IDs that are named for a part.
pub const ID_CANDIDATES_MAX: usize = 100;

/// Parts of IDs in one question: each takes a scan of the whole archive.
pub const ID_PARTS_MAX: usize = 4;

/// Different values of one field that are counted.
pub const FACET_VALUES_MAX: usize = 1_000_000;

/// Values of a field that are shown.
pub const FACET_ROWS: usize = 10;

/// Fields whose values are counted at once.
pub const FACET_FIELDS_MAX: usize = 10;

/// Milliseconds of a histogram's slots: the hours and days of all time zones begin with one.
pub const HISTOGRAM_SLOT_MS: i64 = 15 * 60 * 1_000;

/// Bars of a histogram above which it takes longer intervals.
pub const HISTOGRAM_BARS: i64 = 72;

/// Answers whose surroundings are shown.
pub const AROUND_ANSWERS_MAX: usize = 100;

/// Milliseconds before and after a message within which its sender's other messages are a burst.
pub const BURST_MS: i64 = 10 * 60 * 1_000;

/// Seconds between two checks of a watched store.
pub const WATCH_SECONDS_MAX: u64 = 24 * 60 * 60;
