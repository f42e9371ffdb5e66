//! `mailtrace serve`.

#[cfg(feature = "aws")]
mod mirrors;
mod options;
mod questions;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

#[cfg(feature = "aws")]
use crate::cli::args::cluster::ClusterTarget;
use crate::cli::args::grace::duration_ms;
use crate::cli::args::input::say_that_a_table_is_made;
use crate::cli::args::serve::ServeArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::signals::stop_on_interrupt;
use crate::serve::{AccessToken, Asked, Setup, run as serve};
use crate::store::{Store, StoreError};

#[cfg(feature = "aws")]
use mirrors::ClusterMirrors;
use questions::CommandQuestions;

pub(crate) fn run(args: &ServeArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let timeout_ms = duration_ms("--timeout", &args.timeout, "10s")?;
    let timeout_ms = u64::try_from(timeout_ms).ok().filter(|it| *it > 0);
    let timeout_ms = timeout_ms.context("--timeout: it must be longer than zero")?;
    let questions = CommandQuestions::new(context);
    #[cfg(feature = "aws")]
    let questions = questions.with_place(args.cluster.as_typed(context));
    let questions = Arc::new(questions);
    let asked = asked(args, &questions, context)?;
    let token = match &args.token_file {
        Some(path) => AccessToken::read(path)?,
        None => AccessToken::random()?,
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
    // Called once the address is open: only then is port 0 a number.
    let announce = |url: &str| {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{url}")?;
        stdout.flush()
    };
    serve(setup, questions, announce, stop_on_interrupt()?)?;
    Ok(CommandOutcome::Done)
}

/// The source of all answers: the cluster if one is named, else the store.
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
    // Opened only to fail now, with the same words as other commands.
    let opened = Store::open(&store).map_err(|error| match error {
        StoreError::NoStore { path } => anyhow::anyhow!(
            "there is no store at {}: import into it first, or name another with --store",
            path.display()
        ),
        other => other.into(),
    })?;
    if opened.lacks_message_table() && !context.global.quiet {
        say_that_a_table_is_made();
    }
    drop(opened);
    Ok(Asked::Store(store))
}

/// The cluster, if one is named.
#[cfg(feature = "aws")]
fn target(args: &ServeArgs, context: &Context) -> anyhow::Result<Option<ClusterTarget>> {
    args.cluster.check_password()?;
    args.cluster.target_unless(false, context)
}
