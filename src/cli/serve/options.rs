//! A URL's parameters as the options of a command.
//!
//! They are parsed by the same definitions as the command line, but only those on a list: options
//! that read files, wait, or print differently are not for remote callers.

use std::ffi::OsString;

use clap::{ArgAction, CommandFactory};

use crate::cli::arguments::Arguments;
use crate::serve::{ApiCommand, ParameterDefinition, Parameters, Question, QuestionError};
use crate::shell::quoted;

/// The zone of times, an option of every command.
const ZONE: &str = "tz";

/// The options that choose messages.
const WHICH: [&str; 32] = [
    "from",
    "to",
    "subject",
    "not-from",
    "not-to",
    "not-subject",
    "message-id",
    "outcome",
    "reason",
    "status",
    "folder",
    "junk",
    "slower-than",
    "rule",
    "rule-type",
    "action",
    "forwarded-to",
    "verdict",
    "spam",
    "dkim",
    "dmarc",
    "spf",
    "direction",
    "internal",
    "no-beginning",
    "recipients-min",
    "query",
    "since",
    "until",
    "on",
    "grace",
    "limit",
];

/// The options of a command that a URL may have, besides those of [`WHICH`].
fn own_options(command: ApiCommand) -> &'static [&'static str] {
    match command {
        ApiCommand::Trace => &["grace", "provenance", "no-access"],
        ApiCommand::Messages => &["sort", "cursor", "events", "around", "facets", "histogram"],
        ApiCommand::Groups => &["group-by", "around"],
        ApiCommand::Search => {
            &["since", "until", "on", "limit", "cursor", "around", "facets", "histogram"]
        }
        ApiCommand::Access => &[
            "user",
            "owner",
            "ip",
            "agent",
            "action",
            "protocol",
            "type",
            "denied",
            "failed",
            "not-owner",
            "new-ip",
            "failed-then-ok",
            "since",
            "until",
            "on",
            "group-by",
            "limit",
            "sort",
            "cursor",
            "facets",
            "histogram",
        ],
        ApiCommand::Timeline => &["since", "until", "on", "limit"],
        ApiCommand::Directory => &["at", "kind"],
        ApiCommand::Stats => &[
            "by", "latency", "compare", "metrics", "interval", "internal", "since", "until", "on",
            "limit", "grace",
        ],
        ApiCommand::Triage => &["since", "until", "on", "internal", "slow", "grace", "items"],
        ApiCommand::Status | ApiCommand::Sources => &[],
    }
}

/// The name of a command on the command line.
fn subcommand(command: ApiCommand) -> &'static str {
    match command {
        ApiCommand::Groups => "messages",
        other => other.as_str(),
    }
}

/// The parameter for a command's positional arguments.
fn positional(command: ApiCommand) -> Option<&'static str> {
    match command {
        ApiCommand::Trace => Some("id"),
        ApiCommand::Timeline | ApiCommand::Directory => Some("who"),
        ApiCommand::Status | ApiCommand::Sources => None,
        _ => Some("q"),
    }
}

fn is_taken(command: ApiCommand, name: &str) -> bool {
    let is_of_messages = matches!(command, ApiCommand::Messages | ApiCommand::Groups);
    name == ZONE
        || positional(command) == Some(name)
        || own_options(command).contains(&name)
        || is_of_messages && WHICH.contains(&name)
}

/// A question as words of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    subcommand: &'static str,
    /// Names, and the value after the sign, if there is one.
    options: Vec<(String, Option<String>)>,
    /// Positional arguments.
    texts: Vec<String>,
}

impl Words {
    /// Reads the parameters. Empty ones count as absent: forms send all of their fields.
    pub(crate) fn of(question: &Question<'_>) -> Result<Self, QuestionError> {
        let command = question.command;
        let definitions = definitions(command);
        let mut words =
            Self { subcommand: subcommand(command), options: Vec::new(), texts: Vec::new() };
        for (name, value) in question.parameters.iter() {
            let definition = definitions.iter().find(|it| it.name == name);
            let Some(definition) = definition.filter(|_| is_taken(command, name)) else {
                let names: Vec<&str> = definitions.iter().map(|it| it.name.as_str()).collect();
                let names = names.join(", ");
                let text =
                    format!("unknown parameter \"{name}\": {} takes {names}", command.as_str());
                return Err(QuestionError::refused(text));
            };
            if positional(command) == Some(name) {
                words.texts.extend(Some(value.trim().to_owned()).filter(|it| !it.is_empty()));
            } else if definition.is_flag {
                if says_yes(name, value)? {
                    words.options.push((name.to_owned(), None));
                }
            // An empty `facets` asks for the usual fields.
            } else if !value.is_empty() || name == "facets" {
                words.options.push((name.to_owned(), Some(value.to_owned())));
            }
        }
        if command == ApiCommand::Trace && words.texts.is_empty() {
            return Err(QuestionError::refused("name a message ID or a trace ID with id="));
        }
        if command == ApiCommand::Timeline && words.texts.is_empty() {
            return Err(QuestionError::refused("name an address or an ID with who="));
        }
        let is_grouped = words.options.iter().any(|(name, _)| name == "group-by");
        if command == ApiCommand::Groups && !is_grouped {
            return Err(QuestionError::refused("say what to count by with group-by="));
        }
        Ok(words)
    }

    /// The arguments of the program.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = OsString> {
        let options = self.options.iter().map(as_word);
        let words = ["mailtrace".to_owned(), self.subcommand.to_owned()].into_iter();
        // After `--`, so that a text from a URL can never be an option.
        let texts = ["--".to_owned()].into_iter().chain(self.texts.iter().cloned());
        let texts = texts.filter(|_| !self.texts.is_empty());
        words.chain(options).chain(texts).map(OsString::from)
    }

    /// The query, if there is one.
    pub(crate) fn text(&self) -> Option<String> {
        (!self.texts.is_empty()).then(|| self.texts.join(" "))
    }

    /// The other conditions on messages, without options about their presentation.
    pub(crate) fn filters(&self) -> Vec<String> {
        let shown = ["sort", "cursor", "limit", "events", "facets", "histogram", ZONE];
        let options = self.options.iter().filter(|(name, _)| !shown.contains(&name.as_str()));
        options.map(as_word).collect()
    }

    /// The command line as a person would type it.
    pub(crate) fn typed(&self) -> String {
        let mut line = format!("mailtrace {}", self.subcommand);
        let is_option = |it: &str| it.starts_with('-');
        let is_behind = self.texts.iter().any(|it| is_option(it));
        if !is_behind {
            self.texts.iter().for_each(|it| line.push_str(&format!(" {}", quoted(it))));
        }
        for (name, value) in &self.options {
            line.push_str(&format!(" --{name}"));
            match value.as_deref() {
                None | Some("") => {}
                // Without the sign it would be taken for an option.
                Some(value) if is_option(value) => line.push_str(&format!("={}", quoted(value))),
                Some(value) => line.push_str(&format!(" {}", quoted(value))),
            }
        }
        if is_behind {
            line.push_str(" --");
            self.texts.iter().for_each(|it| line.push_str(&format!(" {}", quoted(it))));
        }
        line
    }
}

/// An option in one word.
fn as_word((name, value): &(String, Option<String>)) -> String {
    match value {
        Some(value) => format!("--{name}={value}"),
        None => format!("--{name}"),
    }
}

fn says_yes(name: &str, value: &str) -> Result<bool, QuestionError> {
    match value {
        "" | "true" | "yes" | "1" | "on" => Ok(true),
        "false" | "no" | "0" | "off" => Ok(false),
        _ => Err(QuestionError::refused(format!("{name}: give true or false"))),
    }
}

/// The parameters of a command, as the command line defines them.
pub(crate) fn definitions(command: ApiCommand) -> Vec<ParameterDefinition> {
    let whole = Arguments::command();
    let Some(found) = whole.find_subcommand(subcommand(command)) else { return Vec::new() };
    let named = |it: &clap::Arg| match it.is_positional() {
        true => positional(command).map(str::to_owned),
        false => it.get_long().map(str::to_owned),
    };
    let arguments = found.get_arguments().chain(whole.get_arguments());
    let mut definitions: Vec<ParameterDefinition> = Vec::new();
    for argument in arguments {
        let Some(name) = named(argument).filter(|it| is_taken(command, it)) else { continue };
        // A command's own option wins over a global one of that name.
        if definitions.iter().any(|it| it.name == name) {
            continue;
        }
        let is_flag = matches!(argument.get_action(), ArgAction::SetTrue);
        let help = argument.get_help().map_or_else(String::new, ToString::to_string);
        let values = argument.get_possible_values();
        let values = values.iter().map(|it| it.get_name().to_owned());
        let default = argument.get_default_values().first();
        definitions.push(ParameterDefinition {
            repeats: matches!(argument.get_action(), ArgAction::Append),
            is_required: matches!(
                (command, name.as_str()),
                (ApiCommand::Trace, "id")
                    | (ApiCommand::Timeline, "who")
                    | (ApiCommand::Groups, "group-by")
            ),
            values: if is_flag { Vec::new() } else { values.collect() },
            default: default.filter(|_| !is_flag).map(|it| it.to_string_lossy().into_owned()),
            help,
            is_flag,
            name,
        });
    }
    definitions
}

/// The zone asked for.
pub(crate) fn zone(parameters: &Parameters) -> Option<&str> {
    parameters.get(ZONE).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use clap::Parser;

    fn words(command: ApiCommand, query: &str) -> Result<Words, QuestionError> {
        let parameters = Parameters::parse(query).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        Words::of(&Question { command, parameters: &parameters, now })
    }

    #[test]
    fn what_is_typed_asks_the_same() {
        for (command, query, expect) in [
            (ApiCommand::Messages, "", "mailtrace messages"),
            (
                ApiCommand::Messages,
                "q=outcome:lost+x&limit=5&since=&to=*@a.example&to=b",
                "mailtrace messages 'outcome:lost x' --limit 5 --to '*@a.example' --to b",
            ),
            (ApiCommand::Messages, "q=-x&events", "mailtrace messages --events -- -x"),
            (ApiCommand::Messages, "subject=-x&events=no", "mailtrace messages --subject=-x"),
            (
                ApiCommand::Messages,
                "facets=&histogram=1",
                "mailtrace messages --facets --histogram",
            ),
            (ApiCommand::Groups, "group-by=cause", "mailtrace messages --group-by cause"),
            (ApiCommand::Trace, "id=%3Ca@b%3E&id=c", "mailtrace trace '<a@b>' c"),
            (
                ApiCommand::Stats,
                "by=sender&tz=Europe/Berlin",
                "mailtrace stats --by sender --tz Europe/Berlin",
            ),
            (
                ApiCommand::Timeline,
                "who=ana@acme.example&since=7d&until=",
                "mailtrace timeline ana@acme.example --since 7d",
            ),
            (ApiCommand::Timeline, "who=-x", "mailtrace timeline -- -x"),
            (
                ApiCommand::Directory,
                "who=&at=7d&kind=group",
                "mailtrace directory --at 7d --kind group",
            ),
            (ApiCommand::Status, "", "mailtrace status"),
        ] {
            let words = words(command, query).unwrap();
            assert_eq!(words.typed(), expect, "{query}");
            // By the definitions of the command line both are the same.
            let typed = Arguments::try_parse_from(shell_words::split(expect).unwrap()).unwrap();
            let given = Arguments::try_parse_from(words.arguments()).unwrap();
            assert_eq!(format!("{typed:?}"), format!("{given:?}"), "{query}");
        }
    }

    #[test]
    fn what_reads_files_or_prints_otherwise_is_no_parameter() {
        for command in ApiCommand::ALL {
            for definition in definitions(command) {
                assert!(is_taken(command, &definition.name));
                let is_known = words(command, &format!("{}=", definition.name));
                let text = is_known.err().map_or_else(String::new, |it| it.to_string());
                assert!(!text.contains("unknown"), "{text}");
            }
            let whole = Arguments::command();
            let found = whole.find_subcommand(subcommand(command)).unwrap();
            for argument in found.get_arguments().filter_map(clap::Arg::get_long) {
                let is_of_files = ["input", "batch", "column", "ids-from", "addresses-from"];
                let is_of_output = ["watch", "fail-if", "explain", "all"];
                let is_of_extracts = [
                    "out",
                    "as",
                    "case",
                    "redact",
                    "redact-key",
                    "keep-domains",
                    "sign-key",
                    "password-file",
                ];
                let is_of_clusters = [
                    "user",
                    "cluster-user",
                    "ca",
                    "aws",
                    "profile",
                    "region",
                    "index-prefix",
                    "timeout",
                ];
                // Whom audit events are of.
                let is_whom = command == ApiCommand::Access && argument == "user";
                let is_refused = !is_whom && is_of_clusters.contains(&argument)
                    || is_of_files.contains(&argument)
                    || is_of_output.contains(&argument)
                    || is_of_extracts.contains(&argument);
                // Whoever adds an option says here, or in the lists above, what it is.
                let is_listed = is_taken(command, argument)
                    || command == ApiCommand::Groups && is_taken(ApiCommand::Messages, argument)
                    || command == ApiCommand::Messages && argument == "group-by";
                assert_ne!(is_refused, is_listed, "{} --{argument}", command.as_str());
            }
        }
    }
}
