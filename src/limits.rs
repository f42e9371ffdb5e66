//! Every bound of the program, in one table, each with its unit and its reason.
//!
//! Only the store grows with the input: everything that is read, framed, queued, joined or printed
//! stops at one of these bounds.

mod audit;
mod cluster;
mod directory;
mod index;
mod insights;
mod message_table;
mod page;
mod query;
mod serve;
mod triage;
pub use audit::*;
pub use cluster::*;
pub use directory::*;
pub use index::*;
pub use insights::*;
pub use message_table::*;
pub use page::*;
pub use query::*;
pub use serve::*;
pub use triage::*;

/// Bytes in one line or one framed record. CloudWatch caps an event at 1 MiB; its JSON escape
/// inside an envelope may double that, and the envelope itself adds a little.
pub const RECORD_BYTES_MAX: usize = 8 << 20;

/// Bytes, as JSON, of a log group's or log stream's name that a document gives to all its records.
/// CloudWatch allows 512 characters.
pub const LOG_NAME_BYTES_MAX: usize = 4 << 10;

/// Nesting depth of a JSON document. Documented events need four levels.
pub const JSON_DEPTH_MAX: usize = 128;

/// Bytes handed from the reader to a parsing worker at once. Large enough that hand-over costs
/// nothing, small enough that a batch stays in a core's cache; it becomes four archive blocks.
pub const BATCH_BYTES: usize = 256 << 10;

/// Batches that may wait between two stages of the pipeline, for each worker.
pub const QUEUE_BATCHES_PER_WORKER: usize = 4;

/// Bytes of all batches between the reader and the store: two for each of 64 workers.
pub const QUEUE_BYTES_MAX: usize = 32 << 20;

/// Bytes to which the batches of a round may decode. Three rounds exist at a time: one is decoded,
/// one waits, one is stored.
pub const ROUND_BYTES_MAX: u64 = 64 << 20;

/// Bytes in one piece of a batch that is too large for a round.
pub const PIECE_BYTES: usize = 8 << 20;

/// Decoded rounds that may wait to be stored, so that decoding and storing do not wait for each
/// other.
pub const QUEUE_ROUNDS: usize = 1;

/// Approximate uncompressed bytes of an archive block. Reading one record reads its block: larger
/// blocks compress better (5 % at twice the length), smaller ones are read faster.
pub const BLOCK_BYTES: usize = 64 << 10;

/// Records in one archive block; a record's place within its block has 12 bits.
pub const BLOCK_RECORDS_MAX: usize = 1 << 12;

/// Uncompressed bytes that a block may claim to hold: one record of [`RECORD_BYTES_MAX`] whose
/// every byte needs a six-byte JSON escape, and its envelope.
pub const BLOCK_BYTES_MAX: usize = 64 << 20;

/// Archive blocks that a reader keeps decompressed.
pub const BLOCK_CACHE_BLOCKS: usize = 16;

/// Bytes of an archive file; a larger one is not one of ours.
pub const ARCHIVE_READ_BYTES_MAX: u64 = 1 << 30;

/// Archive files of a store: a record's place has 20 bits for the file's number.
pub const ARCHIVE_FILES_MAX: u32 = (1 << 20) - 1;

/// Archive files that a reader opens at once, so that files removed meanwhile stay readable: a
/// quarter of the descriptors that a process usually has, for 16 GiB of archive.
pub const ARCHIVE_FILES_OPEN_MAX: usize = 256;

/// Attempts to open an index that changes meanwhile: each failure means another commit.
pub const OPEN_ATTEMPTS_MAX: u32 = 20;

/// Attempts to verify a store that changes meanwhile and does not look sound.
pub const VERIFY_ATTEMPTS_MAX: u32 = 3;

/// Bytes of a file of the store that is read whole: a commit's statement about
/// [`COVERAGE_GROUPS_MAX`] groups, or the checksums of [`ARCHIVE_FILES_MAX`] files.
pub const STORE_FILE_BYTES_MAX: u64 = 128 << 20;

/// Bytes of rejected input in one entry under `rejected/`; longer ones span entries.
pub const REJECTED_PART_BYTES: usize = 1 << 20;

/// Bytes of a line of a rejected file: a part in base64 or with escapes, and its description.
pub const REJECTED_LINE_BYTES_MAX: u64 = 8 << 20;

/// Compressed bytes that the rejects of one source may always take.
pub const REJECTED_FREE_BYTES: u64 = 64 << 20;

/// Further compressed bytes that they may take, for each byte of the source. Rejects repeat what
/// was read, so only a bomb reaches this.
pub const REJECTED_RATIO_MAX: u64 = 2;

/// Bytes of an input that are read for its checksum alone, after data that cannot be decompressed:
/// standard input may never end.
pub const UNREAD_BYTES_MAX: u64 = 16 << 30;

/// Factor by which an input may expand, with everything compressed within it. Email events compress
/// 10 to 50 times; a bomb, 1,000.
pub const EXPANSION_RATIO_MAX: u64 = 500;

/// Decompressed bytes that are always allowed for an input, whatever the ratio.
pub const EXPANSION_FREE_BYTES: u64 = 64 << 20;

/// Layers of compression or base64 that are removed from one input (gzip in gzip in base64 is two
/// more than Firehose produces).
pub const COMPRESSION_LAYERS_MAX: usize = 4;

/// Layers of JSON within JSON, and of envelopes, that are removed from a message.
pub const MESSAGE_LAYERS_MAX: usize = 4;

/// Depth to which directories are walked.
pub const DIRECTORY_DEPTH_MAX: usize = 64;

/// Records that may wait for one commit. It bounds the work that a crash repeats, and the memory
/// for finding duplicates within a commit (16 bytes a record).
pub const COMMIT_RECORDS_MAX: u64 = 1_000_000;

/// Sources in one commit, some 300 bytes each: an import of many small files commits when it has as
/// many.
pub const COMMIT_ORIGINS_MAX: usize = 10_000;

/// Bytes of a commit's note in the archive: [`COMMIT_ORIGINS_MAX`] sources with the longest paths,
/// and a run for each of [`COMMIT_RECORDS_MAX`] records.
pub const NOTE_BYTES_MAX: u64 = 128 << 20;

/// Notes of commits kept in memory while looking up provenance.
pub const NOTES_KEPT: usize = 8;

/// Commits without news of a source that has not ended, after which a look-up of provenance stops
/// searching for its end. An import commits every 15 s: an hour.
pub const NOTES_WITHOUT_NEWS_MAX: usize = 240;

/// Stretches of affected records that `verify` distinguishes in one file; beyond it, the last one
/// is reported as if it extended to the end.
pub const DAMAGE_STRETCHES_MAX: usize = 100;

/// Records that `verify --deep` names of those in one file that differ from the index.
pub const DIFFERING_DOCUMENTS_SHOWN: usize = 20;

/// Sources that added nothing and are remembered, some 400 bytes each. Beyond it the oldest is
/// forgotten.
pub const REPEATED_ORIGINS_MAX: usize = 10_000;

/// Milliseconds after which an import commits what it has.
pub const COMMIT_INTERVAL_MS: u64 = 15_000;

/// Stored events of a leg beyond which they are not scanned for each new record of the leg.
pub const LARGE_LEG_EVENTS_MIN: usize = 64;

/// Events of large legs that a writer keeps in memory, 24 bytes each. A single leg with more is
/// kept while it is needed.
pub const LARGE_LEG_EVENTS_KEPT: usize = 1_000_000;

/// Compressed bytes after which an archive file is sealed and the next begins. A writer hashes the
/// unsealed file when it opens the store, so this bounds that wait to some 50 ms.
pub const ARCHIVE_FILE_BYTES_MAX: u64 = 64 << 20;

/// Time ranges in the coverage of one log group; beyond it the shortest are forgotten, which claims
/// less than was seen, never more.
pub const COVERAGE_RANGES_MAX: usize = 1_000;

/// Log groups with coverage.
pub const COVERAGE_GROUPS_MAX: usize = 1_000;

/// Objects of buckets that a store remembers as taken, 8 bytes each. Beyond it the oldest are
/// forgotten, and read again when pulled again.
pub const TAKEN_OBJECTS_MAX: usize = 100_000;

/// Events that one trace may gather before it stops and reports that it is truncated.
pub const TRACE_EVENTS_MAX: usize = 10_000;

/// Bytes of originals that are kept while gathering: some 800 for each of `TRACE_EVENTS_MAX`
/// events.
pub const GATHERED_BYTES_KEPT_MAX: usize = 8 << 20;

/// Events of one message that are read to count its outcomes, where the index alone does not
/// suffice. A trace shows fewer; a count must not be wrong for a mass mailing.
pub const COUNTED_EVENTS_MAX: usize = 200_000;

/// Milliseconds after a message's first leg in which another leg with its message ID may start:
/// five days, for which servers usually retry. A later leg with the same ID is another message.
pub const SAME_MESSAGE_MS_MAX: i64 = 5 * 24 * 60 * 60 * 1_000;

/// Milliseconds after an arrival that names a recipient in which another arrival with the same
/// message ID may name the same one and still be the same message: copies from several lists arrive
/// together.
pub const SAME_ARRIVAL_MS_MAX: i64 = 60 * 60 * 1_000;

/// Bytes of an indexed term. Tantivy drops terms above 65,530 bytes without a word.
pub const TERM_BYTES_MAX: usize = 1_024;

/// Rows that a query returns unless `--limit` says otherwise.
pub const RESULT_ROWS_DEFAULT: usize = 100;

/// Rows that a query may return; `--batch` and `export` are for more.
pub const RESULT_ROWS_MAX: usize = 1_000_000;

/// IDs that one run of `trace --batch` accepts: IDs not found are listed at the end, and the
/// answers given are remembered, some 100 bytes an ID.
pub const BATCH_IDS_MAX: usize = 1_000_000;

/// IDs of `trace --batch` that are traced together. Their answers wait for each other to come in
/// the order of the IDs: some 6 KB each with events, 100 MB together. Fewer would read each block
/// of the archive more often.
pub const BATCH_WINDOW_IDS: usize = 16_384;

/// IDs without an event that `trace --batch` names on stderr if the answer itself lists them.
pub const NOT_FOUND_SHOWN: usize = 20;

/// Milliseconds before a leg without an outcome counts as lost: a synchronous Lambda rule may retry
/// for 240 minutes (WorkMail administrator guide).
pub const GRACE_MS_DEFAULT: i64 = 4 * 60 * 60 * 1_000;

/// Intervals that counts over time may have: some 270 years of days.
pub const INTERVALS_MAX: usize = 100_000;

/// Distinct paths that `schema` counts. Real events have a few dozen.
pub const SCHEMA_PATHS_MAX: usize = 10_000;

/// Bytes of one encoded word of RFC 2047, which allows 75. Each possible beginning is searched for
/// its end, so without a bound the time would grow with the square of the length.
pub const ENCODED_WORD_BYTES_MAX: usize = 4 << 10;

/// Events that wait in `synth` for their time. Beyond it the log runs ahead of its schedule, to
/// bound the memory.
pub const SYNTH_OPEN_EVENTS_MAX: usize = 200_000;

/// Users of a synthetic organization.
pub const SYNTH_USERS_MAX: u64 = 1_000_000;

/// Days that a synthetic log may be spread over.
pub const SYNTH_SPAN_DAYS_MAX: i64 = 3_660;

/// Recipients of one message in the table for people, without `--all`.
pub const TABLE_RECIPIENTS_MAX: usize = 20;

/// Steps of one leg in the timeline for people, without `--all`.
pub const TABLE_STEPS_MAX: usize = 24;

/// Bytes of a domain: 253 characters of at most four bytes.
pub const DOMAIN_BYTES_MAX: usize = 253 * 4;

/// Columns of one text from a mail, such as a subject or a bounce's reason, in a table for people.
pub const TABLE_TEXT_COLUMNS_MAX: usize = 500;

/// Seconds to open a connection to AWS.
pub const AWS_CONNECT_SECONDS: u64 = 5;

/// Seconds for one request to AWS. A page of 1 MB takes one or two.
pub const AWS_ATTEMPT_SECONDS: u64 = 60;

/// Attempts of a request before it counts as failed: some two minutes.
pub const AWS_ATTEMPTS_MAX: u32 = 12;

/// Attempts of a session's first request: a wrong region or endpoint must be reported soon.
pub const AWS_FIRST_ATTEMPTS_MAX: u32 = 4;

/// Milliseconds of the pause between two attempts.
pub const AWS_PAUSE_MS_MAX: u64 = 20_000;

/// Seconds for which a request may be throttled without once going through.
pub const AWS_THROTTLED_SECONDS_MAX: u64 = 600;

/// Requests a second at the start of a pull: the quota of `FilterLogEvents` in most regions.
pub const PULL_RATE_START: f64 = 5.0;

/// Requests a second of a pull at most. The highest documented quota is 25.
pub const PULL_RATE_MAX: f64 = 50.0;

/// Requests a second of a pull at least, so that it can recover.
pub const PULL_RATE_MIN: f64 = 0.2;

/// Streams that one listing of events may name (CloudWatch Logs API reference).
pub const FILTER_STREAMS_MAX: usize = 100;

/// Streams that one request lists (CloudWatch Logs API reference).
pub const DESCRIBE_STREAMS_PAGE: i32 = 50;

/// Milliseconds after which no more events of a time can arrive: CloudWatch accepts events that are
/// up to 14 days old (PutLogEvents, API reference), and an hour more for them to be listed.
pub const SETTLING_MS: i64 = (14 * 24 + 1) * 60 * 60 * 1_000;

/// Looks at one log group that are kept apart. A pull that follows for weeks needs some 500.
pub const LOOKS_MAX: usize = 1_000;

/// Bytes of a page of events (FilterLogEvents, API reference).
pub const PAGE_BYTES: u64 = 1 << 20;

/// Pages of a slice of a pull: few enough to list again when a token expires, and for several
/// slices to share the work.
pub const SLICE_PAGES: u64 = 16;

/// Slices that one range is cut into.
pub const SLICES_MAX: usize = 10_000;

/// Slices that are listed at the same time: enough for 25 requests a second if each takes half a
/// second.
pub const PULL_LISTINGS_MAX: usize = 12;

/// Pages that wait to be stored before the network has to wait; 1 MB each, as a rule.
pub const PULL_QUEUE_PAGES: usize = 16;

/// Pages of a slice after which it may be cut in two for others to help.
pub const SPLIT_PAGES_MIN: u32 = 4;

/// Milliseconds of a slice that are worth cutting in two.
pub const SPLIT_MS_MIN: i64 = 60 * 1_000;

/// Milliseconds by which a clock may be off before its past times are not believed, or it counts as
/// having been set.
pub const CLOCK_JUMP_MS: i64 = 5 * 60 * 1_000;

/// Milliseconds by which events may be ahead of the clock (PutLogEvents, API reference: two hours).
pub const FUTURE_MS: i64 = (2 * 60 + 5) * 60 * 1_000;

/// Restarts of a slice's listing without progress. Tokens live for a day.
pub const LISTING_RESTARTS_MAX: u32 = 20;

/// Pages in a row with the token that asked for them, before the listing begins again.
pub const LISTING_STALLED_PAGES_MAX: u32 = 20;

/// Milliseconds after which a pull commits what it has fetched.
pub const PULL_COMMIT_INTERVAL_MS: u64 = 3_000;

/// Milliseconds after which a pull that follows commits its looks although nothing was new.
pub const FOLLOW_IDLE_COMMIT_MS: u64 = 60_000;

/// Events of a page that one worker decodes together.
pub const PAGE_CHUNK_EVENTS: usize = 512;

/// Pages of log groups or log streams to list before giving up on a complete list.
pub const DESCRIBE_PAGES_MAX: usize = 40;

/// Milliseconds between two checks whether a pull has something to commit.
pub const PULL_TICK_MS: u64 = 250;

/// Rejected pieces that a store recognises when they come again, 22 bytes each in its memory of
/// them. Beyond it the oldest are forgotten.
pub const KNOWN_REJECTS_MAX: usize = 100_000;

/// Bytes of that memory: a file for each of them, at the most.
pub const KNOWN_REJECTS_BYTES_MAX: u64 = 16 << 20;

/// Milliseconds of ranges to look at again from which asking for streams with new events is worth
/// it.
pub const STREAMS_WORTH_MS: i64 = 6 * 60 * 60 * 1_000;

/// Milliseconds by which the time of a stream's last ingestion may lag. Usually it is less than an
/// hour (CloudWatch Logs API reference, `LogStream`).
pub const INGESTION_LAG_MS: i64 = 3 * 60 * 60 * 1_000;

/// Keys by which messages are grouped at once.
pub const GROUP_KEYS_MAX: usize = 2;

/// Bytes of the configuration file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Requests a second at the start of reading a bucket. S3 allows 5,500 a second and prefix.
pub const S3_RATE_START: f64 = 100.0;

/// Requests a second of reading a bucket at most. One core unpacks fewer objects.
pub const S3_RATE_MAX: f64 = 1_000.0;

/// Objects being fetched, or ready, while one is read.
pub const S3_OBJECTS_AHEAD: usize = 4;

/// Bytes handed at once from the network to the reader.
pub const S3_CHUNK_BYTES: usize = 64 << 10;

/// Chunks of each object that may wait for the reader: 2 MB, some 100 ms of a fast connection.
pub const S3_CHUNKS_AHEAD: usize = 32;

/// Objects that are listed ahead of those that are fetched, some 300 bytes each.
pub const S3_LISTED_AHEAD: usize = 10_000;

/// Objects in a row that cannot be fetched before giving up on the rest: the fault is then hardly
/// theirs alone.
pub const S3_FAILED_OBJECTS_MAX: u32 = 20;

/// Requests that one pull spends on the search for late events beyond its plan: 12 seconds at the
/// usual quota.
pub const SWEEP_REQUESTS: u64 = 60;

/// Seconds between two such searches while following.
pub const SWEEP_SECONDS: u64 = 600;

/// Days for which an unknown log group is assumed to keep events, when judging what has been seen:
/// WorkMail's default (administrator guide, "Enabling email event logging").
pub const RETENTION_DAYS_ASSUMED: u32 = 30;

/// Pages of organizations, or of a role's policies, to list before giving up on a complete list. A
/// page has up to 100.
pub const IDENTITY_PAGES_MAX: usize = 40;

/// Seconds for which WorkMail may refuse a new role: IAM's changes take a moment to reach
/// everywhere (IAM user guide, "Changes that I make are not always immediately visible").
pub const ROLE_PROPAGATION_SECONDS: u64 = 60;

/// Days before the deletion of events that are not in the store from which that counts as a
/// failure: a weekend, and a day to fix it.
pub const LOSS_WARNING_DAYS: i64 = 3;

/// Days without an event after which the user is warned. Small organizations have quiet days.
pub const SILENCE_WARNING_DAYS: i64 = 1;

/// Days without an event after which logging counts as broken.
pub const SILENCE_FAILED_DAYS: i64 = 7;

/// Days before WorkMail's end from which the user is warned: as many as a log group keeps by
/// default.
pub const END_WARNING_DAYS: i64 = 30;

/// Listings of a whole log group until nothing new comes, before giving up.
pub const DRAIN_ROUNDS_MAX: u32 = 4;

/// Bytes of a file with a policy. IAM's own bound is 10,240 characters.
pub const POLICY_BYTES_MAX: u64 = 1 << 20;

/// Seconds for which a new setting may not read back yet.
pub const READ_BACK_SECONDS: u64 = 30;

/// Milliseconds of the longest pause between two checks whether a change has reached everywhere.
pub const PROPAGATION_PAUSE_MS_MAX: u64 = 8_000;

/// Messages, or audit events, of one export. The place and first time of each are kept while others
/// are written: 24 bytes, 240 MB together.
pub const EXPORT_MESSAGES_MAX: usize = 10_000_000;

/// Bytes of events that wait in an export for earlier events of other messages. Beyond it the
/// earliest are written early, and the bundle states that it is not in order.
pub const EXPORT_WAITING_BYTES_MAX: usize = 256 << 20;

/// IDs that an export names in its question, or as not found; it counts all.
pub const EXPORT_IDS_NAMED_MAX: usize = 1_000;

/// Messages that a report shows step by step. A browser lays out about a thousand in a second; the
/// tables beside it have all.
pub const REPORT_MESSAGES_MAX: usize = 1_000;

/// Steps, and recipients, of one message in a report.
pub const REPORT_ROWS_MAX: usize = 1_000;

/// Covered ranges in a report; the manifest has all.
pub const REPORT_RANGES_MAX: usize = 1_000;

/// Files in a bundle: it has seven, and a zip may claim any number.
pub const BUNDLE_FILES_MAX: usize = 64;

/// Bytes of a bundle's manifest: the longest coverage takes some 60 MB.
pub const BUNDLE_MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// Bytes of a bundle's SHA256SUMS: some 80 for each file.
pub const BUNDLE_SUMS_BYTES_MAX: u64 = 64 << 10;

/// Problems of a bundle that are named; all are counted.
pub const BUNDLE_PROBLEMS_MAX: usize = 1_000;

/// Bytes of a key for pseudonyms at least: 128 bits cannot be guessed.
pub const REDACT_KEY_BYTES_MIN: usize = 16;

/// Bytes of a key for pseudonyms at most.
pub const REDACT_KEY_BYTES_MAX: u64 = 64 << 10;

/// Bytes of a key, a signature or a signed text. A bundle's sums are the longest.
pub const SIGNED_TEXT_BYTES_MAX: u64 = BUNDLE_SUMS_BYTES_MAX;

/// Parquet rows that wait in memory to be written as one group.
pub const PARQUET_GROUP_ROWS: usize = 50_000;

/// Bytes after which a group of rows is written, however few there are.
pub const PARQUET_GROUP_BYTES: usize = 64 << 20;

/// Bytes of an address or a subject by which it is searched for within other texts; the rest is
/// compared where these are found.
pub const REDACT_PATTERN_BYTES_MAX: usize = 256;

/// Bytes of all patterns searched for in the texts of one message: the search takes some thirty
/// times as much memory.
pub const REDACT_PATTERNS_BYTES_MAX: usize = 8 << 20;
