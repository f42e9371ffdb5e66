//! Bounds of the page and the API.

/// Connections open at once. Beyond it, the one that has been idle longest makes room for the next.
pub const SERVE_CONNECTIONS_MAX: usize = 4_096;

/// File descriptors reserved for the store, temporary files and the listener if the system allows
/// fewer than [`SERVE_CONNECTIONS_MAX`] connections.
pub const SERVE_FILES_RESERVED: u64 = 256;

/// Bytes of a request's head, including its line. Browsers send some 2 KB.
pub const SERVE_HEAD_BYTES_MAX: usize = 64 << 10;

/// Headers of a request.
pub const SERVE_HEADERS_MAX: usize = 100;

/// Bytes of a request's target: path and parameters. The longest query has 8 KiB, each byte of
/// which may take three.
pub const SERVE_TARGET_BYTES_MAX: usize = 32 << 10;

/// Parameters of a request.
pub const SERVE_PARAMETERS_MAX: usize = 256;

/// Milliseconds in which a request's head, or a TLS handshake, must arrive.
pub const SERVE_HEAD_MS_MAX: u64 = 10_000;

/// Milliseconds for which a client may read nothing of its answer.
pub const SERVE_WRITE_STALL_MS_MAX: u64 = 30_000;

/// Questions that wait for their turn, beyond which the server answers that it is busy.
pub const SERVE_QUESTIONS_WAITING_MAX: usize = 256;

/// Time that a question may take by default.
pub const SERVE_TIMEOUT_DEFAULT: &str = "10s";

/// Milliseconds for which work on a question goes on after its client has left: asked again, it is
/// answered. A longer timeout replaces it.
pub const SERVE_WORK_MS_MAX: u64 = 30_000;

/// Bytes of one answer. A longer one is refused with advice on what to narrow.
pub const SERVE_ANSWER_BYTES_MAX: usize = 32 << 20;

/// Bytes of an answer that are handed to its connection at a time. What is left of the answer tells
/// that the connection is busy.
pub const SERVE_SLICE_BYTES: usize = 64 << 10;

/// Bytes of all cached answers.
pub const SERVE_CACHE_BYTES_MAX: usize = 64 << 20;

/// Bytes of a cached answer: larger ones are rarely asked for twice.
pub const SERVE_CACHED_ANSWER_BYTES_MAX: usize = 4 << 20;

/// Milliseconds for which an answer that depends on the current time is reused.
pub const SERVE_CACHE_MS_MAX: u64 = 20_000;

/// Milliseconds for which a stale answer is served while a new one is made.
pub const SERVE_CACHE_STALE_MS_MAX: u64 = 60_000;

/// Milliseconds for which any answer of one commit is reused.
pub const SERVE_CACHE_SETTLED_MS_MAX: u64 = 10 * 60 * 1_000;

/// Milliseconds for which answers in progress may go on when the server stops.
pub const SERVE_STOP_MS_MAX: u64 = 5_000;

/// Bytes of a file with a token.
pub const SERVE_TOKEN_BYTES_MAX: u64 = 4 << 10;

/// Characters of a token at least: 128 bits in hexadecimal.
pub const SERVE_TOKEN_CHARS_MIN: usize = 32;

/// Milliseconds that making an export's bundle may take.
pub const SERVE_EXPORT_MS_MAX: u64 = 5 * 60 * 1_000;

/// Messages of an export from the page; the command line takes more.
pub const SERVE_EXPORT_MESSAGES_MAX: usize = 10_000;

/// Temporary stores held of a cluster, each with the events of some questions.
pub const SERVE_MIRRORS_MAX: usize = 8;

/// Milliseconds for which a cluster's statement about an organization is trusted.
pub const SERVE_CLUSTER_LOOK_MS: u64 = 2_000;

/// Milliseconds for which a cluster behind the pages may fail to answer.
pub const SERVE_CLUSTER_MS_MAX: u64 = 10_000;
