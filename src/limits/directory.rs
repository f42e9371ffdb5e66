//! Bounds of the directory.

/// Entities on one page of WorkMail's listings (WorkMail API reference).
pub const DIRECTORY_PAGE: i32 = 100;

/// Pages of one listing of an organization: some hundred thousand entities, far more than an
/// organization may have.
pub const DIRECTORY_PAGES_MAX: usize = 2_000;

/// Entities looked at between two commits: a crash repeats as many, and the unchanged ones.
pub const DIRECTORY_BATCH: usize = 200;

/// Milliseconds after which an interrupted snapshot is not resumed: it must describe roughly one
/// time.
pub const DIRECTORY_RESUME_MS: i64 = 24 * 60 * 60 * 1_000;

/// Milliseconds for which a directory is fresh enough for a pull of events; later the pull looks
/// again. A look takes two requests for each user, and pulls often run every few minutes.
pub const DIRECTORY_FRESH_MS: i64 = 60 * 60 * 1_000;

/// Milliseconds after which a directory counts as old: people come and go in a week.
pub const DIRECTORY_OLD_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// Groups, each as of one time, whose members are cached.
pub const DIRECTORY_EXPANSIONS_MAX: usize = 10_000;

/// Seconds after which a pull that follows takes the directory again.
pub const DIRECTORY_FOLLOW_SECONDS: u64 = 24 * 60 * 60;

/// Seconds after which it retries a failure: a role may get its rights meanwhile.
pub const DIRECTORY_RETRY_SECONDS: u64 = 60 * 60;

/// Parts of a directory, of [`DIRECTORY_BATCH`] entities each, that wait to be stored while events
/// are pulled.
pub const DIRECTORY_QUEUE: usize = 8;

/// Deliveries of logs, or their sources, on one page (CloudWatch Logs API reference).
pub const DELIVERIES_PAGE: i32 = 50;

/// Pages of deliveries of an account: some thousand, where the quota is 1,000 of each.
pub const DELIVERIES_PAGES_MAX: usize = 100;

/// Events of each side, mail and access, in a timeline: the newest.
pub const TIMELINE_EVENTS_MAX: usize = 100_000;

/// Steps of a timeline that are shown by default: some screens.
pub const TIMELINE_STEPS_DEFAULT: usize = 200;

/// Events of one leg that a timeline reads.
pub const TIMELINE_LEG_EVENTS_MAX: usize = 1_000;

/// Logins in each segment of the index that are searched for an ID beside a name.
pub const TIMELINE_LOGINS_MAX: usize = 1_000;

/// Milliseconds after which similar operations in a mailbox are a new step.
pub const TIMELINE_ACCESS_GAP_MS: i64 = 10 * 60 * 1_000;

/// Milliseconds after which similar mails are a new step.
pub const TIMELINE_MAIL_GAP_MS: i64 = 2 * 60 * 1_000;

/// Addresses and IDs that a step of a timeline names.
pub const TIMELINE_NAMES_MAX: usize = 20;

/// Columns of one part of a step's details: a subject, a reason, a program.
pub const TIMELINE_PART_COLUMNS_MAX: usize = 120;

/// Milliseconds in which an item must have been created to be the delivered mail: two services have
/// separate clocks.
pub const CANDIDATE_CREATED_MS: i64 = 2_000;

/// Milliseconds before a mail's submission in which it must have been handed in.
pub const CANDIDATE_SUBMITTED_MS: i64 = 10_000;

/// Milliseconds after its submission by which a mail may seem to be handed in: clocks differ.
pub const CANDIDATE_CLOCKS_MS: i64 = 1_000;

/// Mailboxes of one message that are searched for candidates.
pub const CANDIDATE_MAILBOXES_MAX: usize = 50;

/// Candidates for one event that are shown; all are counted.
pub const CANDIDATES_SHOWN_MAX: usize = 3;

/// Events of a mailbox or an item that are read: the newest.
pub const CANDIDATE_EVENTS_MAX: usize = 1_000;

/// Messages of one answer for which candidates are searched for.
pub const CANDIDATE_MESSAGES_MAX: usize = 20;
