//! `mailtrace serve`.

#[cfg(feature = "aws")]
mod mirrors;
mod options;
mod questions;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

#[cfg(feature = "aws")]
use super::cluster::{ClusterArgs, Target};
use super::grace::duration_ms;
use super::signals::on_stop;
use super::{Context, Outcome};
use crate::limits;
use crate::serve::{Asked, Host, Setup, StopSender, Token, run as serve, stop_channel};
use crate::store::{Store, StoreError};

#[cfg(feature = "aws")]
use mirrors::ClusterMirrors;
pub(super) use questions::CommandQuestions;

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
pub(super) struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = LISTEN_DEFAULT, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Also answer to this name, not only to localhost
    ///
    /// May be given several times.
    #[arg(long, value_name = "NAME[:PORT]", value_parser = host)]
    host: Vec<Host>,
    /// Prefix of all paths, behind a proxy: /mail
    #[arg(long, default_value = "", hide_default_value = true, value_name = "PATH", value_parser = base_path)]
    base_path: String,
    /// A proxy in front does TLS
    ///
    /// Other machines may connect, and X-Forwarded-Proto is believed.
    #[arg(long)]
    behind_proxy: bool,
    /// Speak TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Read the token from this file, not a new one per start
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How long a question may take
    #[arg(long, default_value = limits::SERVE_TIMEOUT_DEFAULT, value_name = "DURATION")]
    timeout: String,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// `--timeout` is that of a question.
#[cfg(feature = "aws")]
fn timeout_help(argument: clap::Arg) -> clap::Arg {
    let help = "Give up when the cluster does not answer for this long [default: 10s]";
    argument.long("cluster-timeout").help(help)
}

/// Where nobody else can connect.
const LISTEN_DEFAULT: &str = "127.0.0.1:8025";

fn host(text: &str) -> Result<Host, String> {
    Host::parse(text)
        .ok_or_else(|| "it is no name such as mail.example or mail.example:8443".into())
}

/// `/mail` however many slashes stand around it.
fn base_path(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').filter(|it| !it.is_empty()).collect();
    let is_sign = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.' | b'~');
    let is_fit = |it: &&str| it.bytes().all(is_sign) && !matches!(*it, "." | "..");
    if !parts.iter().all(is_fit) {
        return Err("it is no path of letters, digits, - and _, such as /mail".to_owned());
    }
    Ok(parts.iter().map(|it| format!("/{it}")).collect())
}

pub(super) fn run(args: &ServeArgs, context: &Context) -> anyhow::Result<Outcome> {
    let timeout_ms = duration_ms("--timeout", &args.timeout, "10s")?;
    let timeout_ms = u64::try_from(timeout_ms).ok().filter(|it| *it > 0);
    let timeout_ms = timeout_ms.context("--timeout: it must be longer than nothing")?;
    let questions = CommandQuestions::new(context);
    #[cfg(feature = "aws")]
    let questions = questions.with_place(args.cluster.as_typed(context));
    let questions = Arc::new(questions);
    let asked = asked(args, &questions, context)?;
    let token = match &args.token_file {
        Some(path) => Token::read(path)?,
        None => Token::random()?,
    };
    let setup = Setup {
        asked,
        listen: args.listen,
        hosts: args.host.clone(),
        base_path: args.base_path.clone(),
        is_behind_proxy: args.behind_proxy,
        tls: args.tls_cert.clone().zip(args.tls_key.clone()),
        token,
        timeout: Duration::from_millis(timeout_ms),
    };
    let (stopper, stop) = stop_channel();
    watch(stopper)?;
    let announce = |url: &str| {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{url}")?;
        stdout.flush()
    };
    serve(setup, questions, announce, stop)?;
    Ok(Outcome::Done)
}

/// What is asked: the cluster where one is named, else the store.
fn asked(
    args: &ServeArgs,
    questions: &Arc<CommandQuestions>,
    context: &Context,
) -> anyhow::Result<Asked> {
    #[cfg(feature = "aws")]
    if let Some(target) = target(args, context)? {
        return Ok(Asked::Mirrors(Arc::new(ClusterMirrors::of(target, questions))));
    }
    #[cfg(not(feature = "aws"))]
    let _none = (args, questions);
    let store = context.store_path()?;
    // Said in the words of the other commands.
    let opened = Store::open(&store).map_err(|error| match error {
        StoreError::NoStore { path } => anyhow::anyhow!(
            "there is no store at {}: import into it first, or name another with --store",
            path.display()
        ),
        other => other.into(),
    })?;
    drop(opened);
    Ok(Asked::Store(store))
}

/// The cluster that is named, if one is.
#[cfg(feature = "aws")]
fn target(args: &ServeArgs, context: &Context) -> anyhow::Result<Option<Target>> {
    args.cluster.check_password()?;
    args.cluster.target_unless(false, context)
}

#[expect(clippy::exit, reason = "whoever asks twice does not want to wait")]
fn watch(stopper: StopSender) -> anyhow::Result<()> {
    let mut has_been_told = false;
    on_stop(move || {
        if has_been_told {
            std::process::exit(super::EXIT_INTERRUPTED);
        }
        has_been_told = true;
        stopper.stop();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
