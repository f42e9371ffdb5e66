//! Bounds of the pages that `mailtrace serve` shows.

/// Recipients of one message on one page: to find one of thousands, people filter.
pub const PAGE_RECIPIENTS: usize = 25;

/// Events of one message on one page, each with its original.
pub const PAGE_EVENTS: usize = 50;

/// Recipients of one message that a list names before it counts the rest.
pub const PAGE_ROW_RECIPIENTS: usize = 5;

/// Columns of a text in a list.
pub const PAGE_TEXT_COLUMNS: usize = 160;

/// Columns of a text that is shown in full, such as the subject of the message shown.
pub const PAGE_LONG_TEXT_COLUMNS: usize = 600;

/// Bytes of an original that a page shows.
pub const PAGE_ORIGINAL_BYTES: usize = 64 << 10;

/// Messages of one ID that a page shows in full.
pub const PAGE_MESSAGES_MAX: usize = 20;

/// Lanes of a message's picture: one for each leg.
pub const PAGE_LANES: usize = 24;

/// Marks of one lane; steps closer than a mark's width share one anyway.
pub const PAGE_LANE_MARKS: usize = 150;

/// Long silences that a message's time axis leaves out, the longest ones.
pub const PAGE_AXIS_BREAKS: usize = 5;

/// Milliseconds of the shortest silence that a time axis leaves out.
pub const PAGE_AXIS_BREAK_MS_MIN: i64 = 60_000;

/// Covered ranges that a bar shows; shorter gaps are not visible in it.
pub const PAGE_COVERED_RANGES: usize = 300;

/// Rows of a list on one page, by default.
pub const PAGE_ROWS: usize = 50;

/// Rows of a table of numbers.
pub const PAGE_COUNT_ROWS: usize = 12;

/// Messages of a finding that the first page names.
pub const PAGE_TRIAGE_ITEMS: usize = 3;

/// Seconds between two checks whether the store has grown.
pub const PAGE_PULSE_SECONDS: u64 = 10;

/// Events of an answer above which their values are not counted beside it, since each must be read.
pub const PAGE_FACET_EVENTS_MAX: u64 = 200_000;

/// Milliseconds around an event that its page covers in a person's timeline.
pub const PAGE_TIMELINE_AROUND_MS: i64 = 24 * 60 * 60 * 1_000;

/// Members of a group, delegates and permissions that the page of one entity names.
pub const PAGE_MEMBERS_MAX: usize = 200;
