//! Remote questions, answered by the commands.

use std::io::Write;

use clap::Parser;

use crate::cli::args::question::RefusedQuery;
use crate::cli::arguments::{Arguments, Command as Given};
use crate::cli::context::{Context, clock};
use crate::cli::global::GlobalArgs;
use crate::cli::leftovers::Leftovers;
use crate::cli::serve::options::{Words, definitions, zone};
use crate::cli::{
    access, directory, messages, output, search, sources, stats, status, timeline, trace, triage,
};
use crate::export::{self, ExportError, ExportSelection, Selector};
use crate::limits;
use crate::render::{AnswerFormat, sanitise};
use crate::serve::{
    AccessQuestion, ApiCommand, DirectoryQuestion, EventsQuestion, ExportQuestion,
    MessagesQuestion, ParameterDefinition, Parameters, Question, QuestionError, Questions,
    TimelineQuestion, TraceQuestion,
};
use crate::shell::quoted;
use crate::stats::{StatsError, StatsRequest};
use crate::store::{Store, StoreError};
use crate::time::{Timestamp, Zone};
use crate::trace::select;
use crate::triage::TriageRequest;

/// The commands, asked over HTTP.
pub(crate) struct CommandQuestions {
    global: GlobalArgs,
    zone: Zone,
    /// The options that name a cluster, if one is asked.
    place: String,
}

impl CommandQuestions {
    pub(crate) fn new(context: &Context) -> Self {
        // Nobody would read messages on stderr.
        let global =
            GlobalArgs { format: AnswerFormat::Json, quiet: true, ..context.global.clone() };
        Self { global, zone: context.zone.clone(), place: String::new() }
    }

    /// The same for a cluster, which these options name.
    #[cfg(feature = "aws")]
    pub(crate) fn with_place(self, place: String) -> Self {
        Self { place, ..self }
    }

    fn context(&self, question: &Question<'_>) -> Result<Context, QuestionError> {
        let mut global = self.global.clone();
        if let Some(name) = zone(question.parameters) {
            name.clone_into(&mut global.tz);
        }
        Ok(Context {
            zone: self.zone(question.parameters)?,
            global,
            now: question.now,
            leftovers: Leftovers::default(),
            // Remote callers must not have files of this machine read.
            reads_files: false,
        })
    }

    pub(crate) fn read(&self, question: &Question<'_>) -> Result<(Given, Context), QuestionError> {
        let words = Words::of(question)?;
        let arguments = Arguments::try_parse_from(words.arguments());
        Ok((arguments.map_err(|error| refused(&error))?.command, self.context(question)?))
    }
}

impl Questions for CommandQuestions {
    fn now(&self) -> Timestamp {
        clock()
    }

    fn answer(
        &self,
        question: &Question<'_>,
        store: &Store,
        out: &mut dyn Write,
    ) -> Result<(), QuestionError> {
        let (given, context) = self.read(question)?;
        if store.is_mirror() {
            check_for_mirror(&given)?;
        }
        match given {
            Given::Trace(args) => {
                trace::answer(&args, &args.rules(store, &context)?, store, &context, out)?;
            }
            Given::Messages(args) => {
                messages::answer(&args, args.wanted(&context)?, store, &context, out)?;
            }
            Given::Search(args) => {
                let wanted = args.wanted_of(args.wanted(&context)?, store)?;
                search::answer(&args, &wanted, store, &context, out)?;
            }
            Given::Access(args) => {
                access::answer(&args, &args.request(&context)?, store, &context, out)?;
            }
            Given::Timeline(args) => {
                timeline::answer(&args, args.range(&context)?, store, &context, out)?;
            }
            Given::Directory(args) => {
                directory::answer(&args, args.at(&context)?, store, &context, out)?;
            }
            Given::Stats(args) => {
                stats::answer(&args, args.wanted(&context)?, store, &context, out)?;
            }
            Given::Triage(args) => {
                triage::answer(&args, store, &context, out)?;
            }
            Given::Status(_) => status::answer(store, &context, out)?,
            Given::Sources(_) => sources::answer(store, &context, out)?,
            _ => return Err(other_command()),
        }
        Ok(())
    }

    fn messages(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<MessagesQuestion, QuestionError> {
        let (given, context) = self.read(question)?;
        let Given::Messages(args) = given else { return Err(other_command()) };
        let wanted = args.wanted(&context)?;
        let (filter, rules) = args.filter_of(wanted.filter, store, &context)?;
        Ok(MessagesQuestion {
            filter,
            rules,
            order: args.order(),
            after: wanted.cursor,
            limit: args.limit(),
            zone: context.zone,
        })
    }

    fn events(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<EventsQuestion, QuestionError> {
        let (given, context) = self.read(question)?;
        let Given::Search(args) = given else { return Err(other_command()) };
        let wanted = args.wanted_of(args.wanted(&context)?, store)?;
        let search::SearchOptions { query, range, after } = wanted;
        Ok(EventsQuestion { query, range, after, limit: args.limit(), zone: context.zone })
    }

    fn access(
        &self,
        question: &Question<'_>,
        _store: &Store,
    ) -> Result<AccessQuestion, QuestionError> {
        let (given, context) = self.read(question)?;
        let Given::Access(args) = given else { return Err(other_command()) };
        let request = args.request(&context)?;
        let after = args.cursor()?;
        let (order, limit) = (args.order(), args.limit());
        Ok(AccessQuestion { request, order, after, limit, zone: context.zone })
    }

    fn timeline(&self, question: &Question<'_>) -> Result<TimelineQuestion, QuestionError> {
        let (given, context) = self.read(question)?;
        let Given::Timeline(args) = given else { return Err(other_command()) };
        let range = args.range(&context)?;
        let (who, limit) = (args.who().to_owned(), args.limit());
        Ok(TimelineQuestion { who, range, limit, zone: context.zone })
    }

    fn directory(&self, question: &Question<'_>) -> Result<DirectoryQuestion, QuestionError> {
        let (given, context) = self.read(question)?;
        let Given::Directory(args) = given else { return Err(other_command()) };
        let at = args.at(&context)?;
        let who = args.who().map(str::to_owned);
        Ok(DirectoryQuestion { who, kind: args.kind(), at, zone: context.zone })
    }

    fn trace(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<TraceQuestion, QuestionError> {
        let (given, context) = self.read(question)?;
        let Given::Trace(args) = given else { return Err(other_command()) };
        let rules = args.rules(store, &context)?;
        Ok(TraceQuestion { ids: args.ids().to_vec(), rules, zone: context.zone })
    }

    fn stats(&self, question: &Question<'_>, store: &Store) -> Result<StatsRequest, QuestionError> {
        let (given, context) = self.read(question)?;
        let Given::Stats(args) = given else { return Err(other_command()) };
        let wanted = args.wanted(&context)?;
        Ok(wanted.request(store, &context))
    }

    fn triage(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<TriageRequest, QuestionError> {
        let (given, context) = self.read(question)?;
        let Given::Triage(args) = given else { return Err(other_command()) };
        Ok(args.request(store, &context)?)
    }

    fn export(
        &self,
        question: &Question<'_>,
        store: &Store,
    ) -> Result<ExportQuestion, QuestionError> {
        let failed = |it: ExportError| QuestionError::Failed(it.to_string());
        let words = Words::of(question)?;
        if question.command == ApiCommand::Trace {
            let TraceQuestion { ids, rules, zone } = self.trace(question, store)?;
            let mut selector = Selector::new(store, &rules);
            ids.iter().try_for_each(|it| selector.add_id(it)).map_err(failed)?;
            let selection = selector.finish().map_err(failed)?;
            let question = export::BundleQuestion {
                id_count: ids.len() as u64,
                ids,
                ..export::BundleQuestion::default()
            };
            return Ok(ExportQuestion { selection, question, rules, zone });
        }
        let MessagesQuestion { filter, rules, zone, .. } = self.messages(question, store)?;
        let found = select(store, &rules, &filter).map_err(QuestionError::from)?;
        let most = limits::SERVE_EXPORT_MESSAGES_MAX;
        if found.len() > most {
            let text = format!(
                "{} messages found, but at most {most} can be exported here: ask for less time, or use `mailtrace export`",
                found.len()
            );
            return Err(QuestionError::refused(text));
        }
        let question = export::BundleQuestion {
            query: words.text(),
            resolved_query: Some(filter.as_query().to_string()),
            filters: words.filters(),
            ..export::BundleQuestion::default()
        };
        let selection = ExportSelection::of_summaries(&found).map_err(failed)?;
        Ok(ExportQuestion { selection, question, rules, zone })
    }

    fn zone(&self, parameters: &Parameters) -> Result<Zone, QuestionError> {
        let Some(name) = zone(parameters) else { return Ok(self.zone.clone()) };
        Zone::named(name).map_err(|error| QuestionError::refused(error.to_string()))
    }

    fn command_line(&self, question: &Question<'_>) -> Result<String, QuestionError> {
        let mut line = Words::of(question)?.typed();
        line.push_str(&self.place);
        if let Some(store) = &self.global.store {
            line.push_str(&format!(" --store {}", quoted(&store.to_string_lossy())));
        }
        if zone(question.parameters).is_none() && self.global.tz != "UTC" {
            line.push_str(&format!(" --tz {}", quoted(&self.global.tz)));
        }
        Ok(line)
    }

    fn parameters(&self, command: ApiCommand) -> Vec<ParameterDefinition> {
        definitions(command)
    }
}

/// Fails for questions that only a store can answer.
fn check_for_mirror(given: &Given) -> Result<(), QuestionError> {
    let text = match given {
        Given::Trace(args) if args.tells_sources() => {
            "provenance: only a store knows which file or pull an event came from, and this is a cluster"
        }
        Given::Status(_) | Given::Sources(_) => {
            "only a store says what it holds and where that came from, and this is a cluster: see the page /status, or /metrics"
        }
        _ => return Ok(()),
    };
    Err(QuestionError::refused(text))
}

/// Commands are chosen by the route, never by the request.
fn other_command() -> QuestionError {
    QuestionError::Failed("this command cannot be asked this way".to_owned())
}

/// clap's error without the usage.
fn refused(error: &clap::Error) -> QuestionError {
    let text = error.render().to_string();
    let lines = text
        .lines()
        .take_while(|it| !it.starts_with("Usage:") && !it.starts_with("For more information"));
    let lines: Vec<_> = lines.map(|it| sanitise(it.trim())).filter(|it| !it.is_empty()).collect();
    let line = lines.join(" ");
    QuestionError::refused(line.trim_start_matches("error: "))
}

/// Tells faults of the store from faults of the question.
impl From<anyhow::Error> for QuestionError {
    fn from(error: anyhow::Error) -> Self {
        if let Some(query) = error.downcast_ref::<RefusedQuery>() {
            let report = Some(query.report.clone());
            return Self::Refused { summary: query.to_string(), report };
        }
        let is_of_store = error.chain().any(|it| {
            let counted = it.downcast_ref::<StatsError>();
            it.is::<StoreError>()
                || it.is::<std::io::Error>()
                || counted.is_some_and(|it| matches!(it, StatsError::Store(_)))
        });
        let text = output::chain(AsRef::as_ref(&error));
        if is_of_store { Self::Failed(text) } else { Self::refused(text) }
    }
}
