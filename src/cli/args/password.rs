//! Secret keys, and the source of their passwords.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::context::Context;
use crate::cli::output;
use crate::limits;
use crate::render::sanitise;
use crate::signing::{SecretKey, is_open_to_others};
use crate::source::open_text;

/// Where the password of a secret key comes from.
#[derive(Clone, Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Read the secret key's password from this file
    ///
    /// From its first line, instead of asking.
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// A password in this file.
    #[cfg(feature = "aws")]
    pub(crate) fn at(password_file: Option<PathBuf>) -> Self {
        Self { password_file }
    }

    pub(crate) fn is_given(&self) -> bool {
        self.password_file.is_some()
    }

    /// Reads a secret key, and its password if it has one.
    pub(crate) fn open(&self, key: &Path) -> anyhow::Result<SecretKey> {
        Ok(SecretKey::open(key, || match &self.password_file {
            Some(path) => first_line(path),
            None => rpassword::prompt_password(format!(
                "Password of {}: ",
                sanitise(&key.display().to_string())
            ))
            .map_err(|error| {
                io::Error::new(error.kind(), format!("{error}: give --password-file"))
            }),
        })?)
    }
}

fn first_line(path: &Path) -> io::Result<String> {
    let name = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()))
    };
    let file = open_text(path).map_err(io::Error::other)?.take(limits::SIGNED_TEXT_BYTES_MAX);
    let mut line = String::new();
    BufReader::new(file).read_line(&mut line).map_err(name)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The help for a password file that may be the cluster user's.
#[cfg(feature = "aws")]
pub(crate) fn password_help(argument: clap::Arg) -> clap::Arg {
    const HELP: &str = "Read the secret key's password from this file";
    const LONG: &str = "Read the secret key's password from this file\n\nFrom its first line, instead of asking. With --user, that user's password instead.";
    argument.help(HELP).long_help(LONG).help_heading(None::<&'static str>)
}

/// Warns of a secret key that other users of the machine can read, once it has signed.
pub(crate) fn warn_of_open_key(key: &Path, context: &Context) {
    if !context.global.quiet && is_open_to_others(key) {
        let key = key.display();
        output::warn(&format!(
            "others can read the secret key {key}, and sign as you: `chmod 600` it, or make a new one if somebody may have read it"
        ));
    }
}
