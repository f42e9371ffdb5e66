//! Options that every command takes.

use std::path::PathBuf;

#[cfg(feature = "aws")]
use clap::builder::NonEmptyStringValueParser;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::render::AnswerFormat;

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The store's directory [default: MAILTRACE_STORE]
    ///
    /// Else the platform's data directory, such as ~/.local/share/mailtrace.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Refuse every command that would change the store
    #[arg(long, global = true)]
    pub(crate) read_only: bool,
    /// Ask an OpenSearch cluster [default: MAILTRACE_CLUSTER]
    ///
    /// Such as https://search.example:9200; plain http goes to this machine only. For trace, messages,
    /// search, access, timeline, directory, stats, triage, export and serve, instead of a store;
    /// `publish` goes there.
    #[cfg(feature = "aws")]
    #[arg(long, global = true, hide_short_help = true, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) cluster: Option<String>,
    /// With --cluster, which organization to ask for
    #[cfg(feature = "aws")]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) organization: Option<String>,
    /// Output format
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: AnswerFormat,
    /// Same as --format json
    #[arg(long, global = true, hide = true, conflicts_with = "format")]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorWhen,
    /// Time zone of times, shown and given
    ///
    /// An IANA name such as Europe/Madrid, UTC, or local.
    #[arg(long, global = true, default_value = "UTC", value_name = "ZONE")]
    pub(crate) tz: String,
    /// Log more to stderr
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print only errors on stderr
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

// By hand, because the type is `render`'s, which must not know clap.
impl ValueEnum for AnswerFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Table, Self::Json, Self::Ndjson, Self::Csv]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Table => ("table", "Aligned columns for people"),
            Self::Json => ("json", "One JSON document"),
            Self::Ndjson => ("ndjson", "One JSON object a line"),
            Self::Csv => ("csv", "Comma-separated values with a header"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorWhen {
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => {}
            Self::Always => anstream::ColorChoice::Always.write_global(),
            Self::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
}
