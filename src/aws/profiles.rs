//! The AWS configuration files, read once, so that all parts of a session see the same, and
//! mistakes in them are reported rather than ignored.

use std::collections::HashMap;
use std::error::Error as _;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws_config::profile::{Profile, ProfileSet};
use aws_runtime::env_config::EnvConfigValue;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};

use super::error::AwsError;

/// The profiles of both files, and the selected one.
#[derive(Debug)]
pub(super) struct Profiles {
    /// The selected profile, `default` if none is named.
    pub(super) name: String,
    /// True if the command names it, rather than the environment or nothing. It then goes before
    /// the environment's credentials, as in the AWS CLI.
    pub(super) is_chosen: bool,
    set: ProfileSet,
    /// The files' content for the SDK, which would read them again.
    pub(super) files: EnvConfigFiles,
}

/// The source of a profile's first credentials, with which roles are assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Nothing,
    /// An access key in the files.
    Keys,
    Sso,
    /// A sign-in to the console (`aws login`).
    Login,
    Process,
    /// A token of another issuer.
    WebIdentity,
    /// The environment, the container or the instance.
    Machine,
}

/// The way in which a profile gets its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    /// The name of the profile.
    pub(super) profile: String,
    pub(super) base: Base,
    /// The profile that has `base`: another than `profile` if that names a `source_profile`.
    pub(super) base_profile: String,
    /// The role that is assumed last.
    pub(super) role: Option<String>,
    /// True if a role requires a code, for which the SDK cannot ask.
    pub(super) has_mfa: bool,
}

/// Profiles in a chain of `source_profile`s at most.
const SOURCES_MAX: usize = 16;

/// Profiles that an error names at most.
const NAMES_SHOWN: usize = 8;

impl Profiles {
    /// Reads the files. `chosen` is the profile that the command names.
    pub(super) async fn read(chosen: Option<&str>) -> Result<Self, AwsError> {
        let named = |variable| std::env::var(variable).ok().filter(|it| !it.is_empty());
        let from_environment = || named("AWS_PROFILE").or_else(|| named("AWS_DEFAULT_PROFILE"));
        let name = chosen.map(str::to_owned).or_else(from_environment);
        let texts = [
            (EnvConfigFileKind::Config, "AWS_CONFIG_FILE", "config"),
            (EnvConfigFileKind::Credentials, "AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        ]
        .map(|(kind, variable, file)| (kind, location(variable, file)));
        // With credentials in the environment, unreadable files do no harm.
        let needs_files = name.is_some() || named("AWS_ACCESS_KEY_ID").is_none();
        let mut read = Vec::new();
        for (kind, path) in texts {
            // Without a home there are no files, but the SDK wants some.
            let path = path.unwrap_or_default();
            let text = match read_text(&path) {
                Ok(text) => text,
                Err(error) if needs_files => return Err(error),
                Err(_) => String::new(),
            };
            let text = match kind {
                EnvConfigFileKind::Config => as_the_sdk_spells(&text),
                _ => text,
            };
            read.push((kind, path, text));
        }
        let set = parse(&read, name.as_deref().unwrap_or("default")).await?;
        let mut files = EnvConfigFiles::builder();
        for (kind, _, text) in &read {
            files = files.with_contents(*kind, text.clone());
        }
        let profiles = Self {
            name: name.clone().unwrap_or_else(|| "default".to_owned()),
            is_chosen: chosen.is_some(),
            set,
            files: files.build(),
        };
        match name {
            Some(name) if profiles.set.get_profile(&name).is_none() => {
                Err(profiles.no_profile(&name, &read))
            }
            _ => Ok(profiles),
        }
    }

    /// Returns a setting of the profile.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.set.get(key).filter(|it| !it.is_empty())
    }

    /// Returns the endpoint that the environment or the profile sets for a service, even if it is
    /// to be ignored: providers of credentials do not heed `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`.
    pub(super) fn endpoint(&self, service_id: &str) -> Option<String> {
        let environment = Env::real();
        let value = EnvConfigValue::new().env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let value = value.service_id(service_id);
        value.load(&environment, Some(&self.set)).map(|(url, _)| url.into_owned())
    }

    /// Returns the way in which the profile gets its credentials.
    pub(super) fn recipe(&self) -> Result<Recipe, AwsError> {
        let mut recipe = Recipe {
            profile: self.name.clone(),
            base: Base::Nothing,
            base_profile: self.name.clone(),
            role: None,
            has_mfa: false,
        };
        for index in 0..SOURCES_MAX {
            let Some(profile) = self.set.get_profile(&recipe.base_profile) else {
                if index == 0 {
                    return Ok(recipe);
                }
                let detail = format!(
                    "the profile {} depends on the profile {}, which does not exist",
                    recipe.profile, recipe.base_profile
                );
                return Err(AwsError::Credentials { detail });
            };
            // With a token the role is assumed by the token, not by a source profile.
            let is_role = profile.get("role_arn").is_some()
                && profile.get("web_identity_token_file").is_none();
            // As in the SDK, a source profile with keys of its own ends the chain, even if it names
            // a role.
            if !is_role || (index > 0 && has_keys(profile)) {
                recipe.base = base_of(profile);
                return Ok(recipe);
            }
            recipe.role = recipe.role.or_else(|| profile.get("role_arn").map(str::to_owned));
            recipe.has_mfa |= profile.get("mfa_serial").is_some();
            match profile.get("source_profile") {
                // A profile may name itself, to assume its role with its own credentials.
                Some(source) if source != recipe.base_profile => {
                    recipe.base_profile = source.to_owned();
                }
                _ => {
                    recipe.base = base_of(profile);
                    return Ok(recipe);
                }
            }
        }
        // The SDK's own error names the profiles of a circle.
        Ok(recipe)
    }

    fn no_profile(&self, name: &str, read: &[(EnvConfigFileKind, PathBuf, String)]) -> AwsError {
        let files: Vec<String> =
            read.iter().map(|(_, path, _)| path.display().to_string()).collect();
        let mut names: Vec<&str> = self.set.profiles().collect();
        names.sort_unstable();
        names.truncate(NAMES_SHOWN);
        // Only the credentials file names profiles without `profile`; here the SDK ignores the
        // section.
        let is_bare = read.iter().any(|(kind, _, text)| {
            matches!(kind, EnvConfigFileKind::Config)
                && text.lines().any(|it| it.trim_end() == format!("[{name}]"))
        });
        let near = if is_bare {
            format!(" (write [profile {name}] instead of [{name}])")
        } else if names.is_empty() {
            ", which define none".to_owned()
        } else {
            format!(", which define {}", names.join(", "))
        };
        AwsError::NoProfile { profile: name.to_owned(), files: files.join(" and "), near }
    }
}

fn has_keys(profile: &Profile) -> bool {
    profile.get("aws_access_key_id").is_some() && profile.get("aws_secret_access_key").is_some()
}

/// Checked in the order in which the SDK looks.
fn base_of(profile: &Profile) -> Base {
    const SSO: [&str; 3] = ["sso_session", "sso_start_url", "sso_account_id"];
    let has = |key| profile.get(key).is_some();
    if has("credential_source") {
        Base::Machine
    } else if has("web_identity_token_file") {
        Base::WebIdentity
    } else if SSO.into_iter().any(has) {
        Base::Sso
    } else if has("login_session") {
        Base::Login
    } else if has("credential_process") {
        Base::Process
    } else if has("aws_access_key_id") {
        Base::Keys
    } else {
        Base::Nothing
    }
}

/// Returns the path of a file: from a variable, else in the home directory.
fn location(variable: &str, file: &str) -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").filter(|it| !it.is_empty()).map(PathBuf::from);
    let Some(named) = std::env::var_os(variable) else {
        return Some(home()?.join(".aws").join(file));
    };
    (!named.is_empty()).then(|| in_home(&named, home()))
}

fn in_home(named: &OsString, home: Option<PathBuf>) -> PathBuf {
    let path = PathBuf::from(named);
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

/// Reads a file; an absent one is empty, since none is required.
fn read_text(path: &Path) -> Result<String, AwsError> {
    let unusable = |detail: String| {
        let detail = format!("cannot read {}: {detail}", path.display());
        AwsError::ConfigFile { detail }
    };
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(unusable(error.to_string())),
    };
    match String::from_utf8(bytes) {
        // Editors add a byte order mark, which the SDK takes for a property.
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()),
        Err(error) => {
            let sound = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
            let before = sound.filter(|it| **it == b'\n').count();
            Err(unusable(format!("line {} is not UTF-8: save it as UTF-8", before + 1)))
        }
    }
}

/// Rewrites a configuration file in the SDK's spelling, line by line.
///
/// In a `services` section, the AWS documentation and the CLI write `cloudwatch_logs`, while the
/// SDK looks for `cloudwatch-logs`. The CLI accepts quoted names of profiles, the SDK does not.
fn as_the_sdk_spells(text: &str) -> String {
    let mut is_services = false;
    let mut spelt = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.starts_with('[') {
            is_services = line.starts_with("[services ");
            spelt.push_str(&line.replace(['"', '\''], ""));
        } else if let (true, Some((name, rest))) = (is_services, line.split_once('='))
            && !line.starts_with([' ', '\t', '#', ';'])
        {
            spelt.push_str(&name.to_ascii_lowercase().replace('_', "-"));
            spelt.push('=');
            spelt.push_str(rest);
        } else {
            spelt.push_str(line);
        }
    }
    spelt
}

async fn parse(
    read: &[(EnvConfigFileKind, PathBuf, String)],
    name: &str,
) -> Result<ProfileSet, AwsError> {
    let mut files = EnvConfigFiles::builder();
    let mut texts = HashMap::new();
    for (kind, path, text) in read {
        files = files.with_file(*kind, path);
        texts.insert(path.clone().into_os_string(), text.clone().into_bytes());
    }
    // From memory: a file that changes meanwhile cannot make the parts of a session disagree.
    let texts = Fs::from_raw_map(texts);
    let name = name.to_owned().into();
    let parsed = aws_config::profile::load(&texts, &Env::real(), &files.build(), Some(name)).await;
    parsed.map_err(|error| {
        // The cause names file and line.
        let detail = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        AwsError::ConfigFile { detail: detail.split_whitespace().collect::<Vec<_>>().join(" ") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn profiles(text: &str, name: &str) -> Profiles {
        let read = [(EnvConfigFileKind::Config, PathBuf::from("/c"), as_the_sdk_spells(text))];
        let set = parse(&read, name).await.unwrap();
        let files = EnvConfigFiles::default();
        Profiles { name: name.to_owned(), is_chosen: true, set, files }
    }

    #[tokio::test]
    async fn a_profile_says_where_its_credentials_come_from() {
        let text = "[sso-session corp]\nsso_region = eu-west-1\n\
            [profile reader]\nsso_session = corp\nsso_account_id = 1\n\
            [profile mail]\nrole_arn = arn:r\nsource_profile = reader\nmfa_serial = arn:m\n\
            [profile both]\nrole_arn = arn:s\nsource_profile = mail\n\
            [profile keys]\naws_access_key_id = A\naws_secret_access_key = s\n\
            [profile web]\nrole_arn = arn:w\nweb_identity_token_file = t\n\
            [profile machine]\nrole_arn = arn:x\ncredential_source = Ec2InstanceMetadata\n\
            [profile itself]\nrole_arn = arn:i\nsource_profile = itself\naws_access_key_id = A\n\
            [profile process]\ncredential_process = p\n\
            [profile login]\nlogin_session = arn:l\n\
            [profile \"quoted\"]\nregion = eu-west-1\n\
            [profile a]\nrole_arn = arn:a\nsource_profile = b\n\
            [profile b]\nrole_arn = arn:b\nsource_profile = a\n\
            [profile lost]\nrole_arn = arn:a\nsource_profile = none\n";
        let check = async |name: &str, base, base_profile: &str, role: Option<&str>| {
            let recipe = profiles(text, name).await.recipe().unwrap();
            let found = (recipe.base, recipe.base_profile.as_str(), recipe.role.as_deref());
            assert_eq!(found, (base, base_profile, role), "{name}");
        };
        check("reader", Base::Sso, "reader", None).await;
        check("mail", Base::Sso, "reader", Some("arn:r")).await;
        check("both", Base::Sso, "reader", Some("arn:s")).await;
        check("keys", Base::Keys, "keys", None).await;
        check("web", Base::WebIdentity, "web", None).await;
        check("machine", Base::Machine, "machine", Some("arn:x")).await;
        check("itself", Base::Keys, "itself", Some("arn:i")).await;
        check("process", Base::Process, "process", None).await;
        check("login", Base::Login, "login", None).await;
        check("quoted", Base::Nothing, "quoted", None).await;
        assert!(profiles(text, "both").await.recipe().unwrap().has_mfa);
        assert_eq!(profiles(text, "a").await.recipe().unwrap().base, Base::Nothing);
        let lost = profiles(text, "lost").await.recipe().unwrap_err().to_string();
        assert!(lost.contains("lost") && lost.contains("none"), "{lost}");
    }

    #[tokio::test]
    async fn a_line_that_cannot_be_read_is_named_with_its_file() {
        let read = [(EnvConfigFileKind::Config, PathBuf::from("/c/config"), "[a]\nx\n".to_owned())];
        let error = parse(&read, "a").await.unwrap_err().to_string();
        assert!(error.contains("/c/config on line 2"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        fs::write(&path, b"\xff\xfe[\0").unwrap();
        let error = read_text(&path).unwrap_err().to_string();
        assert!(error.contains("line 1 is not UTF-8"), "{error}");
        fs::write(&path, "\u{feff}[default]\r\n").unwrap();
        assert_eq!(read_text(&path).unwrap(), "[default]\r\n");
        assert!(read_text(dir.path()).unwrap_err().to_string().contains("cannot read"));
        assert_eq!(read_text(&dir.path().join("none")).unwrap(), "");
    }

    #[test]
    fn services_are_spelt_as_the_sdk_looks_for_them() {
        let text = "[services lo]\ncloudwatch_logs =\n  endpoint_url = http://x_y\nSSO_OIDC=\n\
            # a_b = c\n[profile a_b]\naws_access_key_id = x_y\n";
        let expect = "[services lo]\ncloudwatch-logs =\n  endpoint_url = http://x_y\nsso-oidc=\n\
            # a_b = c\n[profile a_b]\naws_access_key_id = x_y\n";
        assert_eq!(as_the_sdk_spells(text), expect);
    }
}
