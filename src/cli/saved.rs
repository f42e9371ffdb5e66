//! Saved queries: options of a command, under a name in the configuration file.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;
use etcetera::{BaseStrategy, choose_base_strategy};

use crate::config::Config;

/// The commands that take saved queries.
const COMMANDS: [&str; 5] = ["messages", "triage", "export", "stats", "search"];

/// The default path of the configuration file.
pub(crate) fn config_path() -> anyhow::Result<PathBuf> {
    let strategy = choose_base_strategy()
        .map_err(|_| anyhow::anyhow!("there is no home directory: name a file with --config"))?;
    Ok(strategy.config_dir().join("mailtrace").join("config.toml"))
}

/// Replaces the names of saved queries by their words: `messages @stuck`.
pub(crate) fn expanded(arguments: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    let is_ours = |it: &OsString| COMMANDS.iter().any(|name| it == name);
    let Some(command) = arguments.iter().skip(1).position(is_ours).map(|it| it + 1) else {
        return Ok(arguments);
    };
    let name_in = |it: &OsString| it.to_str()?.strip_prefix('@').map(str::to_owned);
    // The configuration file is not even read unless a name is used.
    if !arguments.iter().skip(command).any(|it| name_in(it).is_some()) {
        return Ok(arguments);
    }
    let path = config_path()?;
    let queries = Config::read(&path)?.queries;
    let mut words = Vec::with_capacity(arguments.len());
    for (place, argument) in arguments.into_iter().enumerate() {
        let Some(name) = name_in(&argument).filter(|_| place > command) else {
            words.push(argument);
            continue;
        };
        // `@acme.example` asks for a domain.
        if name.contains('.') && !queries.contains_key(&name) {
            words.push(argument);
            continue;
        }
        let query = queries.get(&name).with_context(|| {
            let known: Vec<&str> = queries.keys().map(String::as_str).collect();
            let known =
                if known.is_empty() { "no saved query".to_owned() } else { known.join(", ") };
            format!("there is no saved query @{name}: {} has {known}", path.display())
        })?;
        // Split as a shell would: a saved query is written as it would be typed.
        let split = shell_words::split(query)
            .with_context(|| format!("{}: queries.{name}", path.display()))?;
        words.extend(split.into_iter().map(OsString::from));
    }
    Ok(words)
}
