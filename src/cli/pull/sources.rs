//! The sources of a pull: those of the command line or the configuration file.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::aws::{LogGroupArn, SessionOptions, default_group};
use crate::cli::args::session::SessionArgs;
use crate::cli::saved::config_path;
use crate::config::{Config, SourceConfig};

/// Where to pull from, and as whom.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Sources in the configuration file [default: all of them]
    #[arg(value_name = "SOURCE", conflicts_with_all = ["log_group", "organization"])]
    sources: Vec<String>,
    /// Log group, by name or ARN
    #[arg(long, value_name = "NAME", conflicts_with = "organization", value_parser = NonEmptyStringValueParser::new())]
    log_group: Option<String>,
    /// Organization alias: group /aws/workmail/emailevents/ALIAS
    #[arg(long, value_name = "ALIAS", value_parser = NonEmptyStringValueParser::new())]
    organization: Option<String>,
    #[command(flatten)]
    session: SessionArgs,
    /// Configuration file
    ///
    /// Default: mailtrace/config.toml in the platform's configuration directory.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// One log group to find, and the credentials for it.
#[derive(Debug)]
pub(crate) struct ChosenSource {
    /// The name of the log group; `None` for the only one with the usual prefix.
    pub(crate) log_group: Option<String>,
    /// The organization that the source names.
    pub(crate) organization: Option<String>,
    /// The account in the log group's ARN.
    pub(crate) account: Option<String>,
    pub(crate) session: SessionOptions,
}

impl SourceArgs {
    /// The chosen sources, at least one.
    pub(crate) fn choose(&self) -> anyhow::Result<Vec<ChosenSource>> {
        if self.log_group.is_some() || self.organization.is_some() {
            let named = SourceConfig {
                log_group: self.log_group.clone(),
                organization: self.organization.clone(),
                ..SourceConfig::default()
            };
            return Ok(vec![self.chosen(&named)?]);
        }
        let config = self.read_config()?;
        let mut chosen = Vec::new();
        let mut names: Vec<&String> = Vec::new();
        for name in &self.sources {
            if names.contains(&name) {
                continue;
            }
            names.push(name);
            let Some(source) = config.sources.get(name) else {
                let known: Vec<_> = config.sources.keys().map(String::as_str).collect();
                let known =
                    if known.is_empty() { "no source".to_owned() } else { known.join(", ") };
                bail!("there is no source {name} in the configuration, which has {known}");
            };
            chosen.push(self.chosen(source)?);
        }
        if chosen.is_empty() {
            for source in config.sources.values() {
                chosen.push(self.chosen(source)?);
            }
        }
        if chosen.is_empty() {
            chosen.push(self.chosen(&SourceConfig::default())?);
        }
        Ok(chosen)
    }

    /// The name of the log group and the session, from the command line alone.
    pub(crate) fn session(&self) -> anyhow::Result<(Option<String>, SessionOptions)> {
        let log_group = self.log_group.clone();
        let chosen = self.chosen(&SourceConfig { log_group, ..SourceConfig::default() })?;
        Ok((chosen.log_group, chosen.session))
    }

    fn read_config(&self) -> anyhow::Result<Config> {
        if let Some(path) = &self.config {
            if !path.exists() {
                bail!("there is no configuration file {}: check --config", path.display());
            }
            return Ok(Config::read(path)?);
        }
        // Without a home directory there is no file, and pulling still works.
        let Ok(path) = config_path() else { return Ok(Config::default()) };
        Ok(Config::read(&path)?)
    }

    fn chosen(&self, source: &SourceConfig) -> anyhow::Result<ChosenSource> {
        let or = |argument: &Option<String>, configured: &Option<String>| {
            argument.clone().or_else(|| configured.clone())
        };
        let mut session = SessionOptions {
            profile: or(&self.session.profile, &source.profile),
            region: or(&self.session.region, &source.region),
            endpoint_url: or(&self.session.endpoint_url, &source.endpoint_url),
        };
        let mut account = None;
        let log_group = match (&source.log_group, &source.organization) {
            (Some(arn), _) if arn.starts_with("arn:") => {
                let named = LogGroupArn::parse(arn)
                    .with_context(|| format!("{arn} is not the ARN of a log group"))?;
                if session.region.as_ref().is_some_and(|it| *it != named.region) {
                    bail!("{arn} is not in the region given beside it: leave one out");
                }
                session.region = Some(named.region);
                account = Some(named.account);
                Some(named.name)
            }
            (Some(name), _) => Some(name.clone()),
            (None, Some(alias)) => Some(default_group(alias)),
            (None, None) => None,
        };
        Ok(ChosenSource { log_group, organization: source.organization.clone(), account, session })
    }
}

/// True if a log group's ARN belongs to the account.
pub(crate) fn is_of_account(arn: &str, account: &str) -> bool {
    LogGroupArn::parse(arn).is_none_or(|it| it.account == account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_whose_a_group_is() {
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/a/b";
        assert!(is_of_account(arn, "123456789012") && !is_of_account(arn, "210987654321"));
    }
}
