//! Bounds of CloudWatch Logs Insights' language.

/// Rows that a query returns unless its `limit` says otherwise: what AWS returns.
pub const INSIGHTS_ROWS_DEFAULT: usize = 10_000;

/// `stats` commands of one query: as many as AWS takes.
pub const INSIGHTS_STATS_MAX: usize = 10;

/// Branches of `case`: as many as AWS takes.
pub const INSIGHTS_BRANCHES_MAX: usize = 10;

/// Bytes of memory that the rows, groups and values of an answer may take together.
pub const INSIGHTS_MEMORY_BYTES_MAX: usize = 768 << 20;

/// Bytes that a compiled regular expression may take: a class of Unicode repeated some hundred
/// times. What it finds is found in linear time.
pub const INSIGHTS_REGEX_BYTES_MAX: usize = 2 << 20;

/// Bytes that a regular expression's states may take while it searches. It begins anew beyond.
pub const INSIGHTS_REGEX_CACHE_BYTES_MAX: usize = 2 << 20;

/// Bytes of a text that a function makes: as many as the longest record has.
pub const INSIGHTS_TEXT_BYTES_MAX: usize = 8 << 20;

/// Events that are read by their places, 12 bytes each. Where the index finds more, reading
/// everything takes hardly longer.
pub const INSIGHTS_PLACES_MAX: u64 = 16_000_000;

/// Blocks of the archive that are read together: 4 MB of records, more or less.
pub const SCAN_BLOCKS: usize = 64;

/// Groups of such blocks that are read before what they gave is joined, for each core: enough for
/// the cores to end at about the same time.
pub const SCAN_CHUNKS_PER_CORE: usize = 8;

/// Places of events that are read together.
pub const SCAN_PLACES: usize = 8_192;

/// Items that a function may cut a text into, and rows that may come of one event.
pub const INSIGHTS_ITEMS_MAX: usize = 100_000;

/// Commands of one query that make a row for each item of a list.
pub const INSIGHTS_UNNESTS_MAX: usize = 4;
