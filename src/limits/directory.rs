//! Bounds of the directory.

/// Entities that one page of WorkMail's listings may hold (WorkMail API reference).
pub const DIRECTORY_PAGE: i32 = 100;

/// Pages of one listing of an organization: some hundred thousand entities, far more than an
/// organization may have.
pub const DIRECTORY_PAGES_MAX: usize = 2_000;

/// Entities that are looked at between two commits: what a crash has looked at again.
pub const DIRECTORY_BATCH: usize = 200;

/// Milliseconds after which a snapshot that was broken off is not gone on with: it is to tell how
/// things were at one time, more or less.
pub const DIRECTORY_RESUME_MS: i64 = 24 * 60 * 60 * 1_000;

/// Groups, each as of one time, of which the members are kept at hand.
pub const DIRECTORY_EXPANSIONS_MAX: usize = 10_000;

/// Deliveries of logs, or their sources, that one page may hold (CloudWatch Logs API reference).
pub const DELIVERIES_PAGE: i32 = 50;

/// Pages of deliveries of an account: some thousand, where the quota is 1,000 of each.
pub const DELIVERIES_PAGES_MAX: usize = 100;
