//! Drives the built program as its users do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test that meets the unexpected is to fail there and then"
)]

// An AWS account with WorkMail in it: moto, a WorkMail, and a gate before moto that may refuse.
mod account;
// What the AWS CLI writes.
mod aws_cli;
// Who may open a store, and what stands in its place.
mod access;
// Audit events beside mail in one store.
mod audit;
// Who did what in which mailbox.
mod audit_access;
// Input that cannot be understood.
mod bad_input;
// Many IDs at once, and in their order.
mod batch;
// A CloudWatch Logs that misbehaves on a script.
mod cloudwatch;
// A store brought into a cluster that misbehaves.
mod cluster;
// Which messages an export takes.
mod export_which;
// Which messages are asked for.
mod filters;
// Which messages are asked for, in every way of finding them.
mod filter_properties;
// What fuzzing has kept.
mod fuzz_corpus;
// Messages in groups.
mod groups;
// Killed with SIGKILL at random instants.
mod crash;
// Changed, missing and foreign bytes in a store.
mod damage;
// The query language through the commands.
mod language;
// Facets, histograms, neighbours in time, and related messages.
mod language_shapes;
// What one person did, in order of time.
mod timeline;
// Whose ID it is, and the pages that show people.
mod people;
// TLS in front of a server of the tests.
mod tls;
// Audit logs on their way to a log group.
mod audit_delivery;
// Who has which address and ID.
mod audit_export;
mod directory;
// No room for the store or for the answer.
mod disk_full;
// A store that must not be written.
mod read_only;
// Disks to fill up, and disks that cannot be written.
mod small_disk;
// CSV for people and for programs.
mod spreadsheets;
// What is signed, and what a signature shows.
mod signing;
// Files as people hold them, and the lists that they name beside them.
mod held;
// The same events in another shape or in other pieces.
mod identity;
// The query language of CloudWatch Logs Insights.
mod insights;
// The chain of commits, and what is told of damage.
mod integrity;
// Asking an AWS service without the SDK.
mod json_client;
// Servers that stand in for AWS.
mod loopback;
mod messages;
// A store brought into real nodes of OpenSearch.
mod opensearch;
// Moto's server, started for the tests.
mod moto;
// A copy of the disk at the moment of an acknowledgement.
mod power_loss;
// From a bucket, over its faults and ours.
mod pull_s3;
// What an export task leaves in a bucket of another S3 than our own.
mod pull_s3_moto;
// What a pull says when it cannot.
mod pull_errors;
// A pull that follows while its clock is set.
mod pull_clock;
// Whatever goes wrong on the way, a pull's store has exactly the service's events.
mod pull_lossless;
// Where each record came from.
mod provenance;
// What must hold of any input: the fuzz targets' properties.
#[path = "fuzz/properties/mod.rs"]
mod properties;
// A pull from another CloudWatch Logs than our own.
mod pull_moto;
// Random events and random faults, then the exact set.
mod pull_properties;
// As whom a pull goes where.
mod pull_session;
mod pull_sources;
// From whom the named authorities vouch for.
mod pull_tls;
// Running pulls, and comparing what they leave with what the service had.
mod pulling;
// Python packages that stand beside the program.
mod python;
// Mail whose log is hard to read: shared IDs, groups, long legs, far times, foreign queries.
mod outcomes;
// What deserves attention, and watching for it.
mod triage;
// Records that are removed on purpose.
mod removal;
// One form for each address, status, ID and record.
mod normal_forms;
// The pages in a real browser: by keyboard, on a telephone, in the dark, without script.
mod browser;
// Where pages lead, and what they show.
mod pages;
// Who may ask the server.
mod serve;
// What the server answers.
mod serve_answers;
// Slow clients and many.
mod serve_load;
// The server behind a proxy, and with TLS.
mod serve_proxy;
// A server, and talking to it byte by byte.
mod served;
// Running the program, making input, comparing stores.
mod support;
// Counts, latencies and metrics, beside those of all originals.
mod stats;
// The n-th system call fails or is the last one.
mod syscall_faults;
// Looking whether event logging works.
mod doctor;
// Switching event logging on.
mod setup;
// Switching it off, and leaving nothing behind that is not in the store.
mod teardown;
// The same for other tools.
mod setup_emit;
// The shape of the code itself.
mod tidy;
// What became of every message of a synthetic log, against the truth; however the log came in.
mod answers;
// The help of every command, seen whole.
mod cli_help;
// What a killed command leaves, and files that are in the way.
mod leftovers;
// Exit statuses, bounds and options of every command.
mod contract;
// A store that somebody else made.
mod foreign_store;
// Evidence bundles, and files for other programs.
mod export;
// Bundles that somebody changed, or made to do harm.
mod export_check;
// Rows and lines for databases and SIEMs.
mod export_flat;
// What must not be left in a redacted extract.
mod export_redact;
// Each answer in each format.
mod formats;
// Text written by strangers, through every command and format.
mod hostile;
// No network but for the commands that are for it.
mod no_socket;
// How the others run the program.
mod program;
// The least policies, printed.
mod policy;
// The commands of README and docs, run.
mod readme;
// A WorkMail that checks what it is asked against the published shapes.
mod workmail;
