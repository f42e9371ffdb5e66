//! Bounds of publishing to OpenSearch and of querying it.

/// Bytes of one bulk request. OpenSearch itself accepts 100 MB, but AWS's small instances 10 MiB.
pub const CLUSTER_BULK_BYTES: usize = 5 << 20;

/// Documents of one bulk request: they are sent again if the answer is lost.
pub const CLUSTER_BULK_DOCUMENTS: usize = 5_000;

/// Bytes of one answer: a page of [`CLUSTER_PAGE`] documents with their originals.
pub const CLUSTER_ANSWER_BYTES_MAX: usize = 64 << 20;

/// Characters shown of an answer that is not JSON.
pub const CLUSTER_EXCERPT_CHARS: usize = 120;

/// Events between two acknowledged places: as many are sent again after a crash.
pub const CLUSTER_SLICE_EVENTS: usize = 100_000;

/// Documents of one page of an answer; OpenSearch returns at most 10,000.
pub const CLUSTER_PAGE: usize = 5_000;

/// Values of one look-up; OpenSearch accepts 65,536.
pub const CLUSTER_TERMS_MAX: usize = 10_000;

/// Days of one page of counts; OpenSearch allows 65,535 groups in total.
pub const CLUSTER_DAYS_PAGE: usize = 2_000;

/// Bytes of a value that is searched for literally; Lucene accepts 32,766. Longer ones are found by
/// their SHA-256.
pub const CLUSTER_KEYWORD_BYTES_MAX: usize = 8_000;

/// Seconds that one request may take.
pub const CLUSTER_ATTEMPT_SECONDS: u64 = 60;

/// Milliseconds of the first pause after a refusal, and of the longest.
pub const CLUSTER_PAUSE_MS_MIN: u64 = 100;
/// See [`CLUSTER_PAUSE_MS_MIN`].
pub const CLUSTER_PAUSE_MS_MAX: u64 = 15_000;

/// Milliseconds without progress of a cluster after which a command gives up, by default.
pub const CLUSTER_TIMEOUT_MS_DEFAULT: i64 = 5 * 60 * 1_000;

/// Milliseconds between two checks of the store with `publish --follow`.
pub const CLUSTER_FOLLOW_MS: u64 = 2_000;

/// Attempts to send everything again after another writer interfered.
pub const CLUSTER_AGAIN_MAX: usize = 3;

/// Documents that an error names.
pub const CLUSTER_NAMED_MAX: usize = 3;

/// Documents whose refusal is remembered until the next acknowledged place. A cluster that refuses
/// more should not be written to.
pub const CLUSTER_REFUSED_MAX: usize = 10_000;

/// Bytes of a password, and of a store's file about one cluster.
pub const CLUSTER_FILE_BYTES_MAX: u64 = 64 << 10;

/// Years whose months have an index each. Events of other times, which no clock showed, share one:
/// a made-up log must not create an index for each month of nine thousand years.
pub const CLUSTER_YEARS: std::ops::RangeInclusive<i16> = 2016..=2099;

/// Events that a question to a cluster may concern: they are indexed for it, and take some 100
/// bytes of memory each.
pub const CLUSTER_EVENTS_MAX: u64 = 2_000_000;

/// Events of one page of these, with their originals: CloudWatch accepts events of 256 KiB.
pub const CLUSTER_MIRROR_PAGE: usize = 2_000;

/// Bytes of events that are added at once to the temporary store.
pub const CLUSTER_MIRROR_BATCH_BYTES: usize = 4 << 20;

/// Time for which a cluster keeps a point in time after its last use.
pub const CLUSTER_VIEW_KEPT: &str = "2m";

/// Milliseconds that a stopping process may take to release a point in time.
pub const CLUSTER_RELEASE_MS: u64 = 2_000;

/// Values on one page, each with its first event.
pub const CLUSTER_FIRSTS_PAGE: usize = 1_000;

/// IDs on one page of those that contain a part.
pub const CLUSTER_IDS_PAGE: usize = 1_000;
