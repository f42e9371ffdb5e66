//! Bounds of CloudWatch Logs Insights' language.

/// Rows that a query returns unless its `limit` says otherwise: what AWS returns.
pub const INSIGHTS_ROWS_DEFAULT: usize = 10_000;

/// `stats` commands of one query: as many as AWS allows.
pub const INSIGHTS_STATS_MAX: usize = 10;

/// Branches of `case`: as many as AWS allows.
pub const INSIGHTS_BRANCHES_MAX: usize = 10;

/// Bytes of memory that the rows, groups and values of an answer may take together.
pub const INSIGHTS_MEMORY_BYTES_MAX: usize = 768 << 20;

/// Bytes of a compiled regular expression: a Unicode class repeated about a hundred times.
/// Searching takes linear time.
pub const INSIGHTS_REGEX_BYTES_MAX: usize = 2 << 20;

/// Bytes of a regular expression's states while it searches. Beyond it, the states are built anew.
pub const INSIGHTS_REGEX_CACHE_BYTES_MAX: usize = 2 << 20;

/// Bytes of a text that a function returns: as many as the longest record has.
pub const INSIGHTS_TEXT_BYTES_MAX: usize = 8 << 20;

/// Events that are read by place, 12 bytes each. If the index finds more, reading everything takes
/// hardly longer.
pub const INSIGHTS_PLACES_MAX: u64 = 16_000_000;

/// Blocks of the archive that are read together: about 4 MB of records.
pub const SCAN_BLOCKS: usize = 64;

/// Groups of such blocks per core that are read before their results are merged: enough for the
/// cores to finish at about the same time.
pub const SCAN_CHUNKS_PER_CORE: usize = 8;

/// Places of events that are read together.
pub const SCAN_PLACES: usize = 8_192;

/// Items into which a function may split a text, and rows that one event may become.
pub const INSIGHTS_ITEMS_MAX: usize = 100_000;

/// Commands of one query that make a row for each item of a list.
pub const INSIGHTS_UNNESTS_MAX: usize = 4;
