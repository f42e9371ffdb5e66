//! The configuration file: named sources to pull from, named queries, and a cluster.
//!
//! ```toml
//! [sources.acme]
//! organization = "acme"
//! region = "eu-west-1"
//! profile = "mail-archive"
//!
//! [sources.zenith]
//! log-group = "/custom/zenith"
//!
//! [cluster]
//! url = "https://search.example:9200"
//! organization = "acme"
//! user = "reader"
//! password-file = "/etc/mailtrace/reader.txt"
//!
//! [queries]
//! stuck = "--outcome lost,pending --since 2d"
//! ```

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::limits;
use crate::source::{SourceError, open_text};

/// The content of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub sources: BTreeMap<String, SourceConfig>,
    /// The cluster to ask and to publish to, unless another is named.
    #[serde(default)]
    pub cluster: ClusterConfig,
    /// Saved queries by name: a command's options as they would be typed.
    #[serde(default)]
    pub queries: BTreeMap<String, String>,
}

/// One place to pull from. Missing values come from the environment or the profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SourceConfig {
    /// The name or ARN of a log group.
    pub log_group: Option<String>,
    /// The alias of an organization, for the log group that WorkMail makes by default.
    pub organization: Option<String>,
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    pub region: Option<String>,
    /// An endpoint to talk to instead of the service's own.
    pub endpoint_url: Option<String>,
}

/// A cluster, and the credentials for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClusterConfig {
    pub url: Option<String>,
    /// The organization to ask for.
    pub organization: Option<String>,
    pub user: Option<String>,
    /// The file whose first line is the user's password.
    pub password_file: Option<PathBuf>,
    /// Certificates of authorities, in PEM, to trust instead of the system's.
    pub ca: Option<PathBuf>,
    pub aws: bool,
    /// With `aws`, a profile of the AWS configuration files.
    pub profile: Option<String>,
    /// With `aws`, a region.
    pub region: Option<String>,
    /// The prefix of the names of the indices.
    pub index_prefix: Option<String>,
}

impl ClusterConfig {
    /// Returns the settings for the cluster at `url`, which are empty if it is another one: a
    /// password must not go to anybody else.
    pub fn of(self, url: &str) -> Self {
        let bare = |it: &str| it.trim_end_matches('/').to_owned();
        let is_it = self.url.as_deref().is_some_and(|it| bare(it) == bare(url));
        if is_it { self } else { Self::default() }
    }
}

/// A fault that makes the configuration unusable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {detail}", path.display())]
    Wrong { path: PathBuf, detail: String },
}

impl Config {
    /// Reads a file. One that does not exist is empty.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        let wrong = |detail| ConfigError::Wrong { path: path.to_owned(), detail };
        let file = match open_text(path) {
            Ok(file) => file,
            Err(SourceError::Open { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                return Ok(Self::default());
            }
            Err(SourceError::Open { source, .. } | SourceError::Read { source, .. }) => {
                return Err(read(source));
            }
            Err(SourceError::Foreign { reason, .. }) => return Err(wrong(reason.to_string())),
            Err(other) => return Err(wrong(other.to_string())),
        };
        // Bounded by reading, not by the file's stated length: a device has none, and no end
        // either.
        let mut bytes = Vec::new();
        file.take(limits::CONFIG_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(read)?;
        if bytes.len() as u64 > limits::CONFIG_BYTES_MAX {
            return Err(wrong(format!("longer than {} bytes", limits::CONFIG_BYTES_MAX)));
        }
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        let config: Self = toml::from_str(&text).map_err(|error| {
            let before = text.bytes().take(error.span().map_or(0, |it| it.start));
            let line = before.filter(|it| *it == b'\n').count() + 1;
            wrong(format!("line {line}: {}", error.message().replace('\n', " ")))
        })?;
        for (name, source) in &config.sources {
            // An organization stands for its default log group, so with both it is unclear which is
            // meant.
            if source.log_group.is_some() && source.organization.is_some() {
                return Err(wrong(format!(
                    "sources.{name} names both a log group and an organization: keep one"
                )));
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, text).unwrap();
        Config::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn sources_have_names() {
        let config = read(
            "[sources.a]\norganization = 'acme'\nregion = 'eu-west-1'\n[sources.b]\nlog-group = '/x'\n",
        );
        let config = config.unwrap();
        assert_eq!(config.sources["a"].organization.as_deref(), Some("acme"));
        assert_eq!(config.sources["b"].log_group.as_deref(), Some("/x"));
        assert_eq!(Config::read(Path::new("/nowhere/config.toml")).unwrap(), Config::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let error = read("[sources.a]\nlog-grup = '/x'\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("log-grup"), "{error}");
        assert!(
            read("[sources.a]\nlog-group='x'\norganization='y'\n").unwrap_err().contains("both")
        );
        assert!(read("[[[").is_err());
        let long = usize::try_from(limits::CONFIG_BYTES_MAX).unwrap();
        let long = read(&"#\n".repeat(long)).unwrap_err();
        assert!(long.contains("longer than"), "{long}");
        let endless = Config::read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(endless.ends_with("binary data of no known format"), "{endless}");
    }

    #[test]
    fn it_is_read_in_any_encoding_and_a_spreadsheet_is_none() {
        let text = "[queries]\r\nlost = '--outcome lost'\r\n";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        let utf16 = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [text.into(), format!("\u{feff}{text}").into_bytes(), utf16] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(Config::read(&path).unwrap().queries["lost"], "--outcome lost");
        }
        fs::write(&path, b"PK\x03\x04").unwrap();
        let error = Config::read(&path).unwrap_err().to_string();
        assert!(error.ends_with("a zip archive is not supported: unpack it first"), "{error}");
    }
}
