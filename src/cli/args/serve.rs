//! The arguments of `mailtrace serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

#[cfg(feature = "aws")]
use crate::cli::args::cluster::ClusterArgs;
use crate::limits;
use crate::serve::Host;

/// Show the store in a browser, and answer programs over HTTP
///
/// With --cluster and --organization, shows what was published there instead of a store.
///
/// Prints one address, with the token that every request needs, and runs until interrupted. Shows
/// what a pull or an import adds meanwhile. Nothing can be changed through it. Programs send
/// `Authorization: Bearer TOKEN` and ask /api/v1/ (described by /api/v1/openapi.json). From another
/// machine, forward a port with `ssh -L 8025:127.0.0.1:8025 HOST`, or put a proxy in front.
#[derive(Debug, Args)]
#[cfg_attr(feature = "aws", command(mut_arg("cluster_timeout", timeout_help)))]
#[command(
    after_long_help = "Examples:\n  mailtrace serve\n  mailtrace serve --listen 127.0.0.1:0 --read-only\n  mailtrace serve --behind-proxy --base-path /mail --host desk.example --token-file FILE"
)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = LISTEN_DEFAULT, value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    /// Also answer to this name, not only to localhost
    ///
    /// May be given several times.
    #[arg(long, value_name = "NAME[:PORT]", value_parser = host)]
    pub(crate) host: Vec<Host>,
    /// Prefix of all paths, behind a proxy: /mail
    #[arg(long, default_value = "", hide_default_value = true, value_name = "PATH", value_parser = base_path)]
    pub(crate) base_path: String,
    /// A proxy in front does TLS
    ///
    /// Other machines may connect, and X-Forwarded-Proto is believed.
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// Speak TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Read the token from this file, not a new one per start
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How long a question may take
    #[arg(long, default_value = limits::SERVE_TIMEOUT_DEFAULT, value_name = "DURATION")]
    pub(crate) timeout: String,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// `--timeout` is taken: here it is a question's.
#[cfg(feature = "aws")]
fn timeout_help(argument: clap::Arg) -> clap::Arg {
    let help = "Give up when the cluster does not answer for this long [default: 10s]";
    argument.long("cluster-timeout").help(help)
}

/// An address to which only this machine can connect.
const LISTEN_DEFAULT: &str = "127.0.0.1:8025";

fn host(text: &str) -> Result<Host, String> {
    Host::parse(text).ok_or_else(|| "give a name such as mail.example or mail.example:8443".into())
}

/// The path with one slash before each part: `mail/` becomes `/mail`.
fn base_path(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').filter(|it| !it.is_empty()).collect();
    let is_sign = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.' | b'~');
    let is_fit = |it: &&str| it.bytes().all(is_sign) && !matches!(*it, "." | "..");
    if !parts.iter().all(is_fit) {
        return Err("give a path of letters, digits, - and _, such as /mail".to_owned());
    }
    Ok(parts.iter().map(|it| format!("/{it}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::grace::duration_ms;

    #[test]
    fn base_paths_have_one_form() {
        for (text, expect) in [
            ("", Some("")),
            ("/", Some("")),
            ("mail", Some("/mail")),
            ("/mail/", Some("/mail")),
            ("//a//b-1", Some("/a/b-1")),
            ("/a b", None),
            ("/../x", None),
            ("/a;b", None),
            ("/é", None),
        ] {
            assert_eq!(base_path(text).ok().as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn the_default_timeout_is_that_of_the_table_of_bounds() {
        assert_eq!(duration_ms("--timeout", limits::SERVE_TIMEOUT_DEFAULT, "").unwrap(), 10_000);
    }
}
