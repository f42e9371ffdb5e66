//! `mailtrace directory`.

use std::io::{BufWriter, Write};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::input::InputArgs;
use super::{Context, Format, Outcome, output};
use crate::directory::{Directory, EntityKind, Known};
use crate::event::Address;
use crate::render::{
    DirectoryAnswer, write_directory_csv, write_directory_json, write_directory_ndjson,
    write_directory_table,
};
use crate::time::workmail_end::LAST_DAY;
use crate::time::{Timestamp, parse_time_argument};

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
pub(super) struct DirectoryArgs {
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
    input: InputArgs,
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

pub(super) fn run(args: &DirectoryArgs, context: &Context) -> anyhow::Result<Outcome> {
    if let Some(who) = &args.who {
        anyhow::ensure!(!who.trim().is_empty(), "WHO is empty: give an address or an ID");
    }
    let at = args.at.as_deref();
    let at = at.map(|it| parse_time_argument(it, context.now, &context.zone)).transpose();
    let at = at.context("--at")?;
    let opened = args.input.open(context)?;
    let taken = opened.store.directory();
    let directory = taken.clone().unwrap_or_default();
    let at = at.unwrap_or_else(|| directory.latest(context.now));
    let mut found = match &args.who {
        Some(who) => found(&directory, who, at),
        None => directory.all(at),
    };
    found.retain(|it| args.kind.is_none_or(|kind| it.entity.kind == kind.into()));
    let has_found = !found.is_empty();
    let answer = DirectoryAnswer { directory: &directory, at, found, zone: context.zone.clone() };
    let mut out = BufWriter::new(anstream::stdout().lock());
    match context.global.format {
        Format::Table if !has_found => {}
        Format::Table => {
            write_directory_table(&answer, &context.table_options(false), &mut out)?;
        }
        Format::Json => write_directory_json(&answer, &mut out)?,
        Format::Ndjson => write_directory_ndjson(&answer, &mut out)?,
        Format::Csv => write_directory_csv(&answer, &mut out)?,
    }
    out.flush()?;
    if !has_found && !context.global.quiet {
        output::note(&nobody(args, taken.is_some()));
    }
    Ok(opened.outcome(has_found))
}

/// Why there is nothing to show.
fn nobody(args: &DirectoryArgs, is_taken: bool) -> String {
    match &args.who {
        _ if !is_taken => format!(
            "the store has no directory: `mailtrace pull --organization ALIAS --directory` takes it, until WorkMail ends on {LAST_DAY}"
        ),
        Some(who) => format!("the directory does not know {who} at that time"),
        None => "the directory has no such entry at that time".to_owned(),
    }
}

/// Who had an ID or an address; of an address that nobody had then, those who ever had it.
fn found<'d>(directory: &'d Directory, who: &str, at: Timestamp) -> Vec<Known<'d>> {
    if let Some(known) = directory.id_of(who.trim()).and_then(|it| directory.known(it, at)) {
        return vec![known];
    }
    let Some(address) = Address::parse(who.into()) else { return Vec::new() };
    if let Some(entity) = directory.by_address(address.as_str(), at) {
        return directory.known(&entity.id, at).into_iter().collect();
    }
    let ids = directory.ids_of_address(address.as_str());
    ids.filter_map(|it| directory.known(it, at)).collect()
}
