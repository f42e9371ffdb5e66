//! The commands that a program built without the features `aws` and `serve` lacks.
//!
//! Its help lists them all the same, so that people who type one learn why it is missing.

use std::ffi::OsString;

use clap::{Args, Subcommand};

/// A command that opens a socket, or prepares it.
#[derive(Debug, Subcommand)]
pub(crate) enum AbsentCommand {
    /// Not in this program, which was built without the feature `serve`
    #[cfg(not(feature = "serve"))]
    Serve(Unread),
    /// Not in this program, which was built without the feature `aws`
    #[cfg(not(feature = "aws"))]
    Pull(Unread),
    /// Not in this program, which was built without the feature `aws`
    #[cfg(not(feature = "aws"))]
    Publish(Unread),
    /// Not in this program, which was built without the feature `aws`
    #[cfg(not(feature = "aws"))]
    Setup(Unread),
    /// Not in this program, which was built without the feature `aws`
    #[cfg(not(feature = "aws"))]
    Doctor(Unread),
    /// Not in this program, which was built without the feature `aws`
    #[cfg(not(feature = "aws"))]
    Teardown(Unread),
    /// Not in this program, which was built without the feature `aws`
    #[cfg(not(feature = "aws"))]
    Policy(Unread),
}

/// Whatever is typed behind the command.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Unread {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl AbsentCommand {
    /// The error that says why the command is missing, and what to do.
    pub(crate) fn refusal(&self) -> anyhow::Error {
        let (name, Unread { arguments: _ }) = match self {
            #[cfg(not(feature = "serve"))]
            Self::Serve(unread) => ("serve", unread),
            #[cfg(not(feature = "aws"))]
            Self::Pull(unread) => ("pull", unread),
            #[cfg(not(feature = "aws"))]
            Self::Publish(unread) => ("publish", unread),
            #[cfg(not(feature = "aws"))]
            Self::Setup(unread) => ("setup", unread),
            #[cfg(not(feature = "aws"))]
            Self::Doctor(unread) => ("doctor", unread),
            #[cfg(not(feature = "aws"))]
            Self::Teardown(unread) => ("teardown", unread),
            #[cfg(not(feature = "aws"))]
            Self::Policy(unread) => ("policy", unread),
        };
        let feature = if name == "serve" { "serve" } else { "aws" };
        anyhow::anyhow!(
            "`{name}` is not in this build, which lacks the feature `{feature}` so that it cannot open a socket: build without --no-default-features"
        )
    }
}
