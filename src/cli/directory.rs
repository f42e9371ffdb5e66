//! `mailtrace directory`.

use std::io::Write;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::cli::args::backend::BackendArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::directory::EntityKind;
use crate::render::DirectoryAnswer;
use crate::store::Store;
use crate::time::workmail_end::LAST_DAY;
use crate::time::{Timestamp, parse_time_argument};
use crate::timeline::AuditReach;

/// Show who has which address and ID, and who is in which group
///
/// `mailtrace pull --organization ALIAS` takes the users, groups and resources that WorkMail lists,
/// and keeps every change. Without WHO, all of them are listed; with WHO, everything that is known
/// of one: aliases, members, delegates, permissions.
///
/// --at shows the directory as it was. Before the first pull it is shown as that pull found it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace directory\n  mailtrace directory staff@acme.example\n  mailtrace directory 12345678-1234-1234-1234-123456789012 --at 2026-11-20"
)]
pub(crate) struct DirectoryArgs {
    /// An address, an alias, or an ID from a log
    #[arg(value_name = "WHO")]
    who: Option<String>,
    /// As of this time [default: now]
    ///
    /// RFC 3339, a date, yesterday, monday, or an age such as 2h or 7d.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only entries of this kind
    #[arg(long, value_enum, value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    backend: BackendArgs,
}

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Somebody with a mailbox
    User,
    /// Several under one address
    Group,
    /// A room or a thing
    Resource,
}

impl From<Kind> for EntityKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Group => Self::Group,
            Kind::Resource => Self::Resource,
        }
    }
}

pub(crate) fn run(args: &DirectoryArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    if let Some(who) = &args.who {
        anyhow::ensure!(!who.trim().is_empty(), "WHO is empty: give an address or an ID");
    }
    let at = args.at(context)?;
    let opened = args.backend.open_audit(context, &AuditReach::Directory)?;
    let has_found = answer(args, at, &opened.store, context, &mut context.stdout())?;
    if !has_found && !context.global.quiet {
        output::note(&nobody(args, opened.store.directory().is_some()));
    }
    Ok(opened.outcome(has_found))
}

impl DirectoryArgs {
    /// The time asked about, if any.
    pub(crate) fn at(&self, context: &Context) -> anyhow::Result<Option<Timestamp>> {
        let at = self.at.as_deref();
        let at = at.map(|it| parse_time_argument(it, context.now, &context.zone)).transpose();
        at.context("--at")
    }

    /// The entry asked about.
    pub(crate) fn who(&self) -> Option<&str> {
        self.who.as_deref()
    }

    /// The only kind asked about.
    pub(crate) fn kind(&self) -> Option<EntityKind> {
        self.kind.map(Into::into)
    }
}

/// Writes the answer. Returns true if there is any.
pub(crate) fn answer(
    args: &DirectoryArgs,
    at: Option<Timestamp>,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let directory = store.directory().unwrap_or_default();
    // Without a time the newest state, even if the clock is behind the pull that took it.
    let at = at.unwrap_or_else(|| directory.latest(context.now));
    let question = (args.who(), args.kind());
    let answer = DirectoryAnswer::of(&directory, question, at, context.zone.clone());
    context.printer().print(&answer, out)?;
    Ok(!answer.found.is_empty())
}

/// The reason why there is nothing to show.
fn nobody(args: &DirectoryArgs, is_taken: bool) -> String {
    match &args.who {
        _ if !is_taken => format!(
            "the store has no directory: `mailtrace pull --organization ALIAS --directory` downloads it, until WorkMail ends on {LAST_DAY}"
        ),
        Some(who) => format!("the directory did not know {who} at that time"),
        None => "the directory had no such entry at that time".to_owned(),
    }
}
