//! Bounds of the page and the API.

/// Connections that are open at once. Beyond it the one that has waited longest for a request makes
/// room for the next.
pub const SERVE_CONNECTIONS_MAX: usize = 4_096;

/// Files that are kept for the store, temporary files and the listener when the system allows fewer
/// than [`SERVE_CONNECTIONS_MAX`] connections.
pub const SERVE_FILES_RESERVED: u64 = 256;

/// Bytes of a request's head, its line included. Browsers send some 2 KB.
pub const SERVE_HEAD_BYTES_MAX: usize = 64 << 10;

/// Headers of a request.
pub const SERVE_HEADERS_MAX: usize = 100;

/// Bytes of what is asked for: path and parameters. The longest query has 8 KiB, each byte of which
/// may be written as three.
pub const SERVE_TARGET_BYTES_MAX: usize = 32 << 10;

/// Parameters of a request.
pub const SERVE_PARAMETERS_MAX: usize = 256;

/// Milliseconds within which a request's head, or a handshake of TLS, must have come.
pub const SERVE_HEAD_MS_MAX: u64 = 10_000;

/// Milliseconds for which a client may take nothing of what is sent to it.
pub const SERVE_WRITE_STALL_MS_MAX: u64 = 30_000;

/// Questions that wait for their turn, beyond which the server says that it is busy.
pub const SERVE_QUESTIONS_WAITING_MAX: usize = 256;

/// How long a question may take when nobody says otherwise.
pub const SERVE_TIMEOUT_DEFAULT: &str = "10s";

/// Milliseconds for which a question is worked on, though whoever asked waits no longer: asked again
/// it is answered. With a longer timeout it is that.
pub const SERVE_WORK_MS_MAX: u64 = 30_000;

/// Bytes of one answer. A longer one is refused with what to narrow.
pub const SERVE_ANSWER_BYTES_MAX: usize = 32 << 20;

/// Bytes of all answers that are kept to be given again.
pub const SERVE_CACHE_BYTES_MAX: usize = 64 << 20;

/// Bytes of an answer that is kept: one larger is rarely asked for twice.
pub const SERVE_CACHED_ANSWER_BYTES_MAX: usize = 4 << 20;

/// Milliseconds for which an answer is given again that depends on the time of day.
pub const SERVE_CACHE_MS_MAX: u64 = 20_000;

/// Milliseconds for which an answer that is no more fresh is given while a new one is made.
pub const SERVE_CACHE_STALE_MS_MAX: u64 = 60_000;

/// Milliseconds for which any answer of one commit is given again.
pub const SERVE_CACHE_SETTLED_MS_MAX: u64 = 10 * 60 * 1_000;

/// Milliseconds for which answers that are under way may go on when the server is stopped.
pub const SERVE_STOP_MS_MAX: u64 = 5_000;

/// Bytes of a file with a token.
pub const SERVE_TOKEN_BYTES_MAX: u64 = 4 << 10;

/// Characters that a token must have at least: 128 bits in hexadecimal.
pub const SERVE_TOKEN_CHARS_MIN: usize = 32;

/// Milliseconds that making an export's bundle may take.
pub const SERVE_EXPORT_MS_MAX: u64 = 5 * 60 * 1_000;

/// Messages of an export from the page; the command line takes more.
pub const SERVE_EXPORT_MESSAGES_MAX: usize = 10_000;

/// Temporary stores that are held of a cluster, each of what some questions are about.
pub const SERVE_MIRRORS_MAX: usize = 8;

/// Milliseconds for which what a cluster says of an organization is taken for true.
pub const SERVE_CLUSTER_LOOK_MS: u64 = 2_000;

/// Milliseconds for which a cluster behind the pages may not answer.
pub const SERVE_CLUSTER_MS_MAX: u64 = 10_000;
