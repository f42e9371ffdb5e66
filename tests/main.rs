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

// What became of every message of a synthetic log, against the truth; however the log came in.
mod answers;
// The help of every command, seen whole.
mod cli_help;
// Exit statuses, bounds and options of every command.
mod contract;
// Each answer in each format.
mod formats;
// Text written by strangers, through every command and format.
mod hostile;
// How the others run the program.
mod program;
// The README's commands, run.
mod readme;
