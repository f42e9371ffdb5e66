//! The options that choose messages.

use anyhow::Context as _;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, ValueEnum};

use crate::cli::args::grace::duration_ms;
use crate::cli::args::question::parse_query;
use crate::cli::args::range::{RangeArgs, since_help};
use crate::cli::args::watched::WatchedArgs;
use crate::cli::context::Context;
use crate::query::{Field, Pattern, Query};
use crate::store::Store;
use crate::time::TimeRange;
use crate::trace::{Direction, MessageFilter, OutcomeWord, Verdict, within_organization};

/// Filters, all of which must hold. Those of one option are alternatives.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which messages")]
pub(crate) struct WhichArgs {
    /// Sender or From address; ana, @acme.example, *@*.example
    #[arg(long, alias = "sender", value_name = "ADDRESS")]
    from: Vec<String>,
    /// Any recipient is this address
    #[arg(long, alias = "recipient", value_name = "ADDRESS")]
    to: Vec<String>,
    /// Subject contains this phrase; quart* matches a beginning
    #[arg(long, value_name = "WORDS")]
    subject: Vec<String>,
    /// Neither sender nor From is this address
    #[arg(long, hide_short_help = true, value_name = "ADDRESS")]
    not_from: Vec<String>,
    /// Has another recipient than this address
    #[arg(long, hide_short_help = true, value_name = "ADDRESS")]
    not_to: Vec<String>,
    /// Subject does not contain this phrase
    #[arg(long, hide_short_help = true, value_name = "WORDS")]
    not_subject: Vec<String>,
    /// This message ID
    #[arg(long, hide_short_help = true, value_name = "ID")]
    message_id: Vec<String>,
    /// Outcome of the message or of any recipient
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = outcome_words())]
    outcome: Vec<String>,
    /// Bounce reason contains this phrase
    #[arg(long, value_name = "WORDS")]
    reason: Vec<String>,
    /// Bounce status: 5.2.2; 5 and 5.2 match all below
    #[arg(long, hide_short_help = true, value_name = "STATUS")]
    status: Vec<String>,
    /// Delivered to this folder of the mailbox
    #[arg(long, value_name = "FOLDER")]
    folder: Vec<String>,
    /// Delivered to a junk folder: yes or no
    #[arg(long, value_enum, value_name = "WHETHER")]
    junk: Option<Whether>,
    /// Took longer than this to reach the recipient: 90s, 5m
    #[arg(long, value_name = "DURATION")]
    slower_than: Option<String>,
    /// A rule with this name was applied
    #[arg(long, value_name = "NAME")]
    rule: Vec<String>,
    /// A rule of this type: INBOUND_RULE, OUTBOUND_RULE, MAILBOX_RULE
    #[arg(long, hide_short_help = true, value_name = "TYPE")]
    rule_type: Vec<String>,
    /// A rule with this action: MOVE, *drop*
    #[arg(long, hide_short_help = true, value_name = "ACTION")]
    action: Vec<String>,
    /// A rule forwarded or redirected it to this address
    #[arg(long, hide_short_help = true, value_name = "ADDRESS")]
    forwarded_to: Vec<String>,
    /// A verdict: spam=FAIL, dkim=GRAY, dmarc=*, spf=PASS
    ///
    /// All must match.
    #[arg(long, hide_short_help = true, value_name = "CHECK=VERDICT")]
    verdict: Vec<String>,
    /// Same as --verdict spam=VERDICT
    #[arg(long, hide_short_help = true, value_name = "VERDICT")]
    spam: Vec<String>,
    /// Same as --verdict dkim=VERDICT
    #[arg(long, hide_short_help = true, value_name = "VERDICT")]
    dkim: Vec<String>,
    /// Same as --verdict dmarc=VERDICT
    #[arg(long, hide_short_help = true, value_name = "VERDICT")]
    dmarc: Vec<String>,
    /// Same as --verdict spf=VERDICT
    #[arg(long, hide_short_help = true, value_name = "VERDICT")]
    spf: Vec<String>,
    /// Incoming or outgoing mail
    #[arg(long, value_enum, value_name = "WAY")]
    direction: Option<Way>,
    /// From one user of the organization to another
    ///
    /// With a directory: sent by the organization, from and to addresses of its domains. Without
    /// one: mail that both went out and came in.
    #[arg(long, hide_short_help = true)]
    internal: bool,
    /// The first event is missing
    ///
    /// It was logged before the store begins, or never.
    #[arg(long, hide_short_help = true)]
    no_beginning: bool,
    /// At least N recipients
    #[arg(
        long,
        hide_short_help = true,
        default_value_t = 0,
        hide_default_value = true,
        value_name = "N"
    )]
    recipients_min: usize,
}

/// Which messages, and where and when to look for them.
#[derive(Debug, Default, Args)]
#[command(
    mut_arg("since", |it| since_help(it, "First seen at or after this time")),
    mut_arg("until", |it| it.help("First seen before this time"))
)]
pub(crate) struct FilterArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// One of its events matches this query (see search)
    #[arg(long, hide_short_help = true, value_name = "QUERY")]
    query: Vec<String>,
    #[command(flatten)]
    watched: WatchedArgs,
    #[command(flatten)]
    range: RangeArgs,
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Whether {
    /// Junk folders only
    Yes,
    /// All other folders
    No,
}

/// Which way a leg goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    /// From a user of the organization
    Outgoing,
    /// To a mailbox of the organization
    Incoming,
}

fn outcome_words() -> PossibleValuesParser {
    PossibleValuesParser::new(OutcomeWord::all())
}

impl FilterArgs {
    /// Reads the options, and the files that they name.
    pub(crate) fn filter(&self, context: &Context) -> anyhow::Result<MessageFilter> {
        let mut filter = self.which.filter()?;
        for query in &self.query {
            filter.events.push(parse_query(query, context)?);
        }
        filter.events.extend(self.watched.ids()?);
        let addresses = self.watched.addresses()?;
        filter.addresses = addresses.map(|it| Pattern::one_of(Field::To, it));
        filter.first_seen = self.first_seen(context)?;
        Ok(filter)
    }

    /// The period in which messages must have been first seen, as of now.
    pub(crate) fn first_seen(&self, context: &Context) -> anyhow::Result<TimeRange> {
        self.range.range(context)
    }
}

/// The filter; if it asks for mail within the organization, with the directory's domains.
pub(crate) fn by_domains(filter: MessageFilter, store: &Store) -> MessageFilter {
    match filter.is_internal {
        true => {
            let domains = own_domains(store, filter.first_seen);
            filter.within_domains(&domains)
        }
        false => filter,
    }
}

/// A query for mail within the organization in a period.
pub(crate) fn internal_rows(store: &Store, range: TimeRange) -> Query {
    within_organization(&own_domains(store, range))
}

fn own_domains(store: &Store, range: TimeRange) -> Vec<String> {
    let directory = store.directory();
    directory.map_or_else(Vec::new, |it| it.domains_within(range))
}

impl WhichArgs {
    /// Reads the options.
    pub(crate) fn filter(&self) -> anyhow::Result<MessageFilter> {
        let slower_than = |text: &String| duration_ms("--slower-than", text, "5m");
        let mut events = Vec::new();
        let subject = patterns("--subject", Field::Subject, &self.subject)?;
        let message_id = patterns("--message-id", Field::MessageId, &self.message_id)?;
        events.extend([subject, message_id].into_iter().flatten().map(|it| it.query().clone()));
        events.extend(self.rule_query()?);
        Ok(MessageFilter {
            outcomes: self.outcome.iter().filter_map(|it| OutcomeWord::from_name(it)).collect(),
            from: patterns("--from", Field::From, &self.from)?,
            to: patterns("--to", Field::To, &self.to)?,
            folder: patterns("--folder", Field::Folder, &self.folder)?,
            is_junk: self.junk.map(|it| it == Whether::Yes),
            status: patterns("--status", Field::Status, &self.status)?,
            reason: patterns("--reason", Field::Reason, &self.reason)?,
            slower_than_ms: self.slower_than.as_ref().map(slower_than).transpose()?,
            verdicts: self.verdicts()?,
            direction: self.direction.map(|it| match it {
                Way::Outgoing => Direction::Outgoing,
                Way::Incoming => Direction::Incoming,
            }),
            is_internal: self.internal,
            lacks_beginning: self.no_beginning,
            recipients_min: self.recipients_min,
            forwarded_to: patterns("--forwarded-to", Field::To, &self.forwarded_to)?,
            events,
            rows: self.left_out()?,
            ..MessageFilter::default()
        })
    }

    /// The conditions that must not hold.
    fn left_out(&self) -> anyhow::Result<Query> {
        let from = patterns("--not-from", Field::From, &self.not_from)?;
        let from = from.map(|it| {
            let query = it.query();
            Query::or(vec![query.clone(), query.in_field(Field::Sender)])
        });
        let to = patterns("--not-to", Field::To, &self.not_to)?;
        let subject = patterns("--not-subject", Field::Subject, &self.not_subject)?;
        let others = [to, subject].into_iter().flatten().map(|it| it.query().clone());
        Ok(Query::and(from.into_iter().chain(others).map(Query::negated).collect()))
    }

    /// The options as they were given.
    pub(crate) fn given(&self) -> Vec<String> {
        let one = |it: &Option<String>| it.iter().cloned().collect::<Vec<_>>();
        let junk = self.junk.and_then(|it| it.to_possible_value());
        let direction = self.direction.and_then(|it| it.to_possible_value());
        let named = |it: Option<PossibleValue>| {
            it.iter().map(|it| it.get_name().to_owned()).collect::<Vec<_>>()
        };
        let least = (self.recipients_min > 0).then(|| self.recipients_min.to_string());
        // Spelled out once more because clap's matches are gone here. An option that is missing
        // from this list would be missing from the manifest of an export.
        let options = [
            ("from", self.from.clone()),
            ("to", self.to.clone()),
            ("subject", self.subject.clone()),
            ("not-from", self.not_from.clone()),
            ("not-to", self.not_to.clone()),
            ("not-subject", self.not_subject.clone()),
            ("message-id", self.message_id.clone()),
            ("outcome", self.outcome.clone()),
            ("reason", self.reason.clone()),
            ("status", self.status.clone()),
            ("folder", self.folder.clone()),
            ("junk", named(junk)),
            ("slower-than", one(&self.slower_than)),
            ("rule", self.rule.clone()),
            ("rule-type", self.rule_type.clone()),
            ("action", self.action.clone()),
            ("forwarded-to", self.forwarded_to.clone()),
            ("verdict", self.verdict.clone()),
            ("spam", self.spam.clone()),
            ("dkim", self.dkim.clone()),
            ("dmarc", self.dmarc.clone()),
            ("spf", self.spf.clone()),
            ("direction", named(direction)),
            ("recipients-min", one(&least)),
        ];
        let flags = [("internal", self.internal), ("no-beginning", self.no_beginning)];
        let flags = flags.into_iter().filter(|(_, is_given)| *is_given);
        let options = options.into_iter().flat_map(|(option, values)| {
            values.into_iter().map(move |value| format!("--{option}={value}"))
        });
        options.chain(flags.map(|(flag, _)| format!("--{flag}"))).collect()
    }

    /// The conditions on a rule, all of which one rule must fulfil.
    fn rule_query(&self) -> anyhow::Result<Option<Query>> {
        let asked = [
            patterns("--rule", Field::Rule, &self.rule)?,
            patterns("--rule-type", Field::RuleType, &self.rule_type)?,
            patterns("--action", Field::Action, &self.action)?,
        ];
        let queries: Vec<Query> =
            asked.into_iter().flatten().map(|it| it.query().clone()).collect();
        Ok((!queries.is_empty()).then(|| Query::and(queries)))
    }

    fn verdicts(&self) -> anyhow::Result<Vec<(Verdict, Pattern)>> {
        let mut verdicts = Vec::new();
        for (verdict, values) in
            Verdict::ALL.into_iter().zip([&self.spam, &self.dkim, &self.dmarc, &self.spf])
        {
            let option = format!("--{}", verdict.as_str());
            verdicts.extend(patterns(&option, verdict.field(), values)?.map(|it| (verdict, it)));
        }
        for text in &self.verdict {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            let is_it = |it: &Verdict| it.as_str().eq_ignore_ascii_case(name.trim());
            let verdict = Verdict::ALL.into_iter().find(is_it).with_context(|| {
                format!("--verdict: \"{text}\" is not CHECK=VERDICT, such as spam=FAIL, where CHECK is spam, dkim, dmarc or spf")
            })?;
            verdicts.push((verdict, pattern("--verdict", verdict.field(), value)?));
        }
        Ok(verdicts)
    }
}

fn pattern(option: &str, field: Field, text: &str) -> anyhow::Result<Pattern> {
    Pattern::parse(field, text).map_err(|error| {
        let kind = &error.kind;
        anyhow::anyhow!("{option}: {kind}: {}", error.help())
    })
}

fn patterns(option: &str, field: Field, texts: &[String]) -> anyhow::Result<Option<Pattern>> {
    let patterns = texts.iter().map(|it| pattern(option, field, it));
    Ok(Pattern::any(patterns.collect::<anyhow::Result<_>>()?))
}
