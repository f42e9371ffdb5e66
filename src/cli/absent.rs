//! The commands that a program without the feature `aws` does not have.
//!
//! They stand in its help all the same, so that whoever types one learns why it is not there.

use std::ffi::OsString;

use clap::{Args, Subcommand};

/// A command that talks to AWS, or prepares it.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Not in this program, which was built without the feature `aws`
    Pull(Unread),
    /// Not in this program, which was built without the feature `aws`
    Setup(Unread),
    /// Not in this program, which was built without the feature `aws`
    Doctor(Unread),
    /// Not in this program, which was built without the feature `aws`
    Teardown(Unread),
    /// Not in this program, which was built without the feature `aws`
    Policy(Unread),
}

/// Whatever is typed behind the command.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(super) struct Unread {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Command {
    /// Says why the command does nothing, and what to do.
    pub(super) fn refusal(&self) -> anyhow::Error {
        let (name, Unread { arguments: _ }) = match self {
            Self::Pull(unread) => ("pull", unread),
            Self::Setup(unread) => ("setup", unread),
            Self::Doctor(unread) => ("doctor", unread),
            Self::Teardown(unread) => ("teardown", unread),
            Self::Policy(unread) => ("policy", unread),
        };
        anyhow::anyhow!(
            "`{name}` is not in this program, which was built without the feature `aws` so that it cannot open a socket: build it without --no-default-features"
        )
    }
}
