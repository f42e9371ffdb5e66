//! `mailtrace access`.

mod export;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::access::{
    AccessConditions, AccessCursor, AccessHits, AccessKey, AccessOrder, AccessRequest,
};
use crate::cli::args::backend::BackendArgs;
use crate::cli::args::extract::ExtractArgs;
#[cfg(feature = "aws")]
use crate::cli::args::password::password_help;
use crate::cli::args::question::parse_access;
use crate::cli::args::range::RangeArgs;
use crate::cli::args::shape::ShapeArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::listing::{check_limit, say_how_many, say_not_covered};
use crate::export::BundleQuestion;
use crate::limits;
use crate::query::{AccessField, Field, Pattern, Query};
use crate::render::{AccessEvents, AnswerFormat, AnswerShape, ListHead, access_columns};
use crate::stats::histogram;
use crate::store::{EventPlace, Store};
use crate::timeline::AuditReach;

/// List audit events: who did what in which mailbox, and who was kept out
///
/// WorkMail's audit logs name people by ID. An ID is shown as the address its owner signed in with,
/// where the logs tell, and --user and --owner take an ID or an address. An event must match every
/// filter; a filter given twice matches either value.
///
/// A query is written as in `mailtrace search`. Its fields: user owner impersonator ip agent action
/// protocol type item object folder attachment allowed scope rule reason token domain error request
/// organization time; ip takes a network too, as in ip:198.51.100.0/24. A word without a field is
/// looked for in user, owner, ip, item and request.
///
/// Signing in to the web client leaves no authentication event: there, access control and mailbox
/// access show who got in.
#[derive(Debug, Args)]
#[cfg_attr(
    feature = "aws",
    command(mut_arg("cluster_user", user_help), mut_arg("password_file", password_help))
)]
#[command(
    after_long_help = "Examples:\n  mailtrace access --failed-then-ok --since 7d\n  mailtrace access --not-owner --group-by user,owner\n  mailtrace access --ip 198.51.100.0/24 'action:submit_email_for_sending'\n  mailtrace access --user ana --since 7d --out ./case-17-access"
)]
pub(crate) struct AccessArgs {
    /// What to find: 'action:delete object:Message -user:ana'
    #[arg(value_name = "QUERY", num_args = 0..)]
    query: Vec<String>,
    /// Done by this user: an ID, an address, or the name typed
    #[arg(long, value_name = "WHO")]
    user: Vec<String>,
    /// In this user's mailbox: an ID or an address
    #[arg(long, value_name = "WHO")]
    owner: Vec<String>,
    /// From this address or network: 198.51.100.0/24
    #[arg(long, value_name = "ADDRESS")]
    ip: Vec<String>,
    /// With this program; * matches any text
    #[arg(long, hide_short_help = true, value_name = "AGENT")]
    agent: Vec<String>,
    /// This action: read, create, delete, submit_email_for_sending, move*
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    action: Vec<String>,
    /// By this protocol: IMAP, EWS, ActiveSync, WebMail
    #[arg(long, value_name = "PROTOCOL", value_delimiter = ',')]
    protocol: Vec<String>,
    /// Of this type, such as authentication
    ///
    /// Types: mailbox-access, access-control, authentication, personal-access-token,
    /// availability-provider, unknown.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    kind: Vec<String>,
    /// Refused: access_granted or action_allowed is false
    #[arg(long)]
    denied: bool,
    /// Failed to sign in: auth_successful is false
    #[arg(long)]
    failed: bool,
    /// In somebody else's mailbox
    #[arg(long)]
    not_owner: bool,
    /// From an address that is new for the user
    ///
    /// First seen in the time asked about, for a user who was seen from others before.
    #[arg(long)]
    new_ip: bool,
    /// Failed sign-ins and the success after them, within an hour
    #[arg(long)]
    failed_then_ok: bool,
    #[command(flatten)]
    range: RangeArgs,
    /// Count in groups, by one key or by two: user,ip
    ///
    /// Keys: user, owner, ip, agent, action, protocol, type, hour, day.
    #[arg(long, value_name = "KEY[,KEY]", value_delimiter = ',', value_parser = group_keys(), hide_possible_values = true, conflicts_with_all = ["cursor", "sort"])]
    group_by: Vec<String>,
    /// Show at most N events (the total is always exact)
    #[arg(short = 'n', long, default_value_t = limits::RESULT_ROWS_DEFAULT, value_name = "N")]
    limit: usize,
    /// Which to show first
    #[arg(long, value_enum, default_value_t = Sort::Newest, value_name = "ORDER")]
    sort: Sort,
    /// Continue after a page: the cursor it printed
    #[arg(long, hide_short_help = true, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    shape: ShapeArgs,
    /// Export all that is found: a bundle (directory, or .zip), or with --as one file
    ///
    /// The path must not exist; - is standard output, for one file.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["group_by", "cursor", "sort", "limit", "facets", "histogram"])]
    out: Option<PathBuf>,
    #[command(flatten)]
    extract: ExtractArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// Those that happened last
    Newest,
    /// Those that happened first
    Oldest,
}

impl From<Sort> for AccessOrder {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Newest => Self::Newest,
            Sort::Oldest => Self::Oldest,
        }
    }
}

/// `--user` is taken: here it filters the events.
#[cfg(feature = "aws")]
fn user_help(argument: clap::Arg) -> clap::Arg {
    argument.long("cluster-user")
}

fn group_keys() -> PossibleValuesParser {
    PossibleValuesParser::new(AccessKey::ALL.map(AccessKey::as_str))
}

pub(crate) fn run(args: &AccessArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let request = args.request(context)?;
    if let Some(out) = &args.out {
        let question = args.question(&request);
        let asked = (&request, question);
        return export::run(&args.extract, &args.backend, asked, out, context);
    }
    let opened = args.backend.open_audit(context, &AuditReach::Request(&request))?;
    let has_found = answer(args, &request, &opened.store, context, &mut context.stdout())?;
    Ok(opened.outcome(has_found))
}

impl AccessArgs {
    /// Reads the options, and the files that they name.
    pub(crate) fn request(&self, context: &Context) -> anyhow::Result<AccessRequest> {
        check_limit(self.limit)?;
        let mut demands = vec![parse_access(&self.words(), context)?];
        for (name, field, values) in self.values() {
            let patterns = values.iter().map(|it| Pattern::parse(Field::Access(field), it));
            let patterns: Result<Vec<Pattern>, _> = patterns.collect();
            let any = Pattern::any(patterns.context(name)?);
            demands.extend(any.map(|it| it.query().clone()));
        }
        let range = self.range.range(context)?;
        let conditions = AccessConditions {
            denied: self.denied,
            failed: self.failed,
            not_owner: self.not_owner,
            new_ip: self.new_ip,
            failed_then_ok: self.failed_then_ok,
        };
        Ok(AccessRequest { query: Query::and(demands), range, conditions })
    }

    /// The question, for the manifest.
    fn question(&self, request: &AccessRequest) -> BundleQuestion {
        let words = self.words();
        let (since, until) = self.range.bounds(request.range);
        BundleQuestion {
            case_name: self.extract.case.clone(),
            query: (!words.is_empty()).then_some(words),
            filters: self.filters(),
            since,
            until,
            ..BundleQuestion::default()
        }
    }

    /// The query as it was given.
    fn words(&self) -> String {
        let mut words: Vec<&str> = self.query.iter().map(String::as_str).collect();
        // `--facets` takes an optional value, so a query after it is parsed as that.
        words.extend(self.shape.query(|it| AccessKey::from_name(it).is_some()));
        words.join(" ")
    }

    /// The options that take values of a field.
    fn values(&self) -> [(&'static str, AccessField, &[String]); 7] {
        [
            ("--user", AccessField::User, &self.user),
            ("--owner", AccessField::Owner, &self.owner),
            ("--ip", AccessField::Ip, &self.ip),
            ("--agent", AccessField::Agent, &self.agent),
            ("--action", AccessField::Action, &self.action),
            ("--protocol", AccessField::Protocol, &self.protocol),
            ("--type", AccessField::Type, &self.kind),
        ]
    }

    /// The filters as they were given.
    fn filters(&self) -> Vec<String> {
        let values = self.values().into_iter().flat_map(|(name, _, values)| {
            values.iter().map(move |value| format!("{name}={value}"))
        });
        let flags = [
            ("--denied", self.denied),
            ("--failed", self.failed),
            ("--not-owner", self.not_owner),
            ("--new-ip", self.new_ip),
            ("--failed-then-ok", self.failed_then_ok),
        ];
        let flags = flags.into_iter().filter(|(_, is_given)| *is_given);
        values.chain(flags.map(|(name, _)| name.to_owned())).collect()
    }

    fn keys(&self) -> Vec<AccessKey> {
        self.group_by.iter().filter_map(|it| AccessKey::from_name(it)).collect()
    }

    pub(crate) fn order(&self) -> AccessOrder {
        self.sort.into()
    }

    #[cfg(any(feature = "aws", feature = "serve"))]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn cursor(&self) -> anyhow::Result<Option<AccessCursor>> {
        self.cursor.as_deref().map(str::parse).transpose().context("--cursor")
    }
}

/// Writes the answer. Returns true if there is any.
pub(crate) fn answer(
    args: &AccessArgs,
    request: &AccessRequest,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let after = args.cursor()?;
    let hits = AccessHits::find(store, request)?;
    let total = hits.total();
    if args.group_by.is_empty() {
        let shape = shape_of(args, &hits, context)?;
        let shown = if args.shape.replaces_list(context) {
            context.printer().print(&shape, out)?;
            total
        } else {
            let (places, next) = hits.page(args.order(), after, args.limit);
            write_list(&hits, &places, next, &shape, context, out)?;
            let is_told = context.global.format == AnswerFormat::Json || context.global.quiet;
            if let Some(next) = next.filter(|_| args.limit > 0 && !is_told) {
                writeln!(anstream::stderr().lock(), "the next page: --cursor {next}")?;
            }
            places.len() as u64
        };
        say_how_many("event", shown, total, store, context)?;
    } else {
        let most = limits::GROUP_KEYS_MAX;
        anyhow::ensure!(args.group_by.len() <= most, "--group-by: at most {most} keys");
        write_groups(args, &hits, context, out)?;
    }
    if total == 0 {
        say_why(store, context)?;
        say_not_covered(request.range, store, context)?;
    }
    Ok(total > 0)
}

/// Says on stderr how a store without audit events gets some.
fn say_why(store: &Store, context: &Context) -> anyhow::Result<()> {
    if store.other_records() == 0 && !context.global.quiet {
        writeln!(
            anstream::stderr().lock(),
            "the store has no audit events: pull the log groups that receive WorkMail's audit logs, or import audit log files"
        )?;
    }
    Ok(())
}

fn shape_of(
    args: &AccessArgs,
    hits: &AccessHits<'_>,
    context: &Context,
) -> anyhow::Result<AnswerShape> {
    let keys = args.shape.access_keys()?;
    let facets = keys.map(|it| hits.facets(&it, &context.zone)).transpose()?;
    let histogram = args.shape.has_histogram().then(|| histogram(&hits.slots(), &context.zone));
    Ok(AnswerShape { facets, histogram, time: Field::Time.name() })
}

fn write_groups(
    args: &AccessArgs,
    hits: &AccessHits<'_>,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let groups = hits.groups(&args.keys(), &context.zone, args.limit)?;
    context.printer().print(&groups, out)?;
    let (shown, all) = (groups.rows.len(), groups.group_count);
    if all > shown && context.is_for_people() && !context.global.quiet {
        writeln!(anstream::stderr().lock(), "{shown} of {all} groups shown (--limit shows more)")?;
    }
    Ok(())
}

/// The number of events that are read and printed together.
const PART_EVENTS: usize = 1_000;

/// Writes the events part by part, so that a large answer takes little memory.
fn write_list(
    hits: &AccessHits<'_>,
    places: &[EventPlace],
    next: Option<AccessCursor>,
    shape: &AnswerShape,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    // A long list names nearly everybody, so all people are read at once.
    if places.len() > PART_EVENTS {
        hits.people()?;
    }
    let printer = context.printer();
    let columns = access_columns().collect();
    let head = ListHead { name: "access", members: Vec::new(), columns };
    let mut list = printer.list(&head, out)?;
    for part in places.chunks(PART_EVENTS) {
        let events = &hits.read(part)?;
        list.part(&AccessEvents { events, people: &*hits.people_in(events)? })?;
    }
    let next = json!(next.map(|it| it.to_string()));
    Ok(list.end(vec![("total", json!(hits.total())), ("next", next)], shape)?)
}
