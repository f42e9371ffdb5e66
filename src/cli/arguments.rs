//! The definition of the command line: all commands and their arguments.

use clap::{Parser, Subcommand};

#[cfg(not(all(feature = "aws", feature = "serve")))]
use crate::cli::absent;
#[cfg(feature = "serve")]
use crate::cli::args::serve::ServeArgs;
use crate::cli::global::GlobalArgs;
#[cfg(feature = "aws")]
use crate::cli::provisioning;
#[cfg(feature = "aws")]
use crate::cli::publish;
#[cfg(feature = "aws")]
use crate::cli::pull;
use crate::cli::{
    access, completions, directory, export, import, insights, man, messages, reindex, related,
    removal, schema, search, sign, sources, stats, status, synth, timeline, trace, triage, verify,
};

/// The exit statuses, for the end of the help.
const EXIT_STATUSES: &str = "Exit status: 0 done, 1 a query found nothing, 2 an error, 3 done, but some input was rejected or something needs attention, 4 a condition of --fail-if holds.

Begin with `mailtrace import FILE`, then `mailtrace trace '<MESSAGE-ID>'`; or ask files without a store: `mailtrace trace '<MESSAGE-ID>' --input FILE`. No log at hand? `mailtrace synth --out FILE` makes one up.";

/// Archives Amazon WorkMail's email event logs and answers what happened to a message.
#[derive(Debug, Parser)]
#[command(name = "mailtrace", version, max_term_width = 100, arg_required_else_help = true, after_help = EXIT_STATUSES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Import(import::ImportArgs),
    #[cfg(feature = "aws")]
    Pull(pull::PullArgs),
    #[command(alias = "show")]
    Trace(trace::TraceArgs),
    Timeline(timeline::TimelineArgs),
    #[command(alias = "list")]
    Messages(Box<messages::MessagesArgs>),
    Related(related::RelatedArgs),
    Triage(triage::TriageArgs),
    #[command(alias = "find")]
    Search(search::SearchArgs),
    Access(Box<access::AccessArgs>),
    Insights(insights::InsightsArgs),
    Stats(stats::StatsArgs),
    Export(Box<export::ExportArgs>),
    Directory(directory::DirectoryArgs),
    Status(status::StatusArgs),
    Sources(sources::SourcesArgs),
    #[cfg(feature = "serve")]
    Serve(ServeArgs),
    Verify(verify::VerifyArgs),
    Sign(sign::SignArgs),
    Reindex(reindex::ReindexArgs),
    Prune(removal::PruneArgs),
    Erase(removal::EraseArgs),
    Schema(schema::SchemaArgs),
    #[cfg(feature = "aws")]
    Publish(Box<publish::PublishArgs>),
    #[cfg(feature = "aws")]
    Setup(provisioning::setup::SetupArgs),
    #[cfg(feature = "aws")]
    Doctor(provisioning::doctor::DoctorArgs),
    #[cfg(feature = "aws")]
    Teardown(provisioning::teardown::TeardownArgs),
    #[cfg(feature = "aws")]
    Policy(provisioning::policy::PolicyArgs),
    Synth(synth::SynthArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    #[cfg(not(all(feature = "aws", feature = "serve")))]
    #[command(flatten)]
    Absent(absent::AbsentCommand),
}

impl Command {
    /// True if the command asks a cluster when one is named.
    #[cfg(feature = "aws")]
    pub(crate) fn asks_cluster(&self) -> bool {
        matches!(
            self,
            Self::Trace(_)
                | Self::Messages(_)
                | Self::Search(_)
                | Self::Access(_)
                | Self::Timeline(_)
                | Self::Directory(_)
                | Self::Stats(_)
                | Self::Triage(_)
                | Self::Export(_)
                | Self::Publish(_)
        ) || self.is_serve()
    }

    #[cfg(feature = "aws")]
    fn is_serve(&self) -> bool {
        #[cfg(feature = "serve")]
        return matches!(self, Self::Serve(_));
        #[cfg(not(feature = "serve"))]
        false
    }

    /// True if the command changes the store, or would if there were something to do.
    pub(crate) fn writes_to_store(&self) -> bool {
        match self {
            Self::Import(_) | Self::Reindex(_) => true,
            #[cfg(feature = "aws")]
            Self::Pull(args) => !args.dry_run,
            #[cfg(feature = "aws")]
            Self::Publish(args) => args.writes_to_store(),
            Self::Prune(args) => !args.common.dry_run,
            Self::Erase(args) => !args.common.dry_run,
            #[cfg(feature = "aws")]
            Self::Teardown(args) => !args.dry_run,
            #[cfg(feature = "aws")]
            Self::Setup(_) | Self::Doctor(_) | Self::Policy(_) => false,
            #[cfg(not(all(feature = "aws", feature = "serve")))]
            Self::Absent(_) => false,
            #[cfg(feature = "serve")]
            Self::Serve(_) => false,
            // Named one by one, with no `_`: a new command has to say on which side it stands, or
            // `--read-only` would let it write.
            Self::Trace(_)
            | Self::Timeline(_)
            | Self::Messages(_)
            | Self::Related(_)
            | Self::Triage(_)
            | Self::Search(_)
            | Self::Access(_)
            | Self::Insights(_)
            | Self::Stats(_)
            | Self::Export(_)
            | Self::Directory(_)
            | Self::Status(_)
            | Self::Sources(_)
            | Self::Verify(_)
            | Self::Sign(_)
            | Self::Schema(_)
            | Self::Synth(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        }
    }
}
