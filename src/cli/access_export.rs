//! `mailtrace access --out`: audit events as evidence, and for other programs.

use std::io::{self, BufWriter};
use std::path::Path;

use super::access::AccessArgs;
use super::extract::{Made, report_bundle, report_flat};
use super::sign::warn_of_open_key;
use super::{Context, Outcome};
use crate::access::{AccessHits, AccessRequest};
use crate::export::{
    AccessBundleOptions, AccessCounts, Question, write_access_bundle, write_access_flat,
    write_access_flat_file,
};

/// Writes all that is found.
pub(super) fn run(
    args: &AccessArgs,
    request: &AccessRequest,
    out: &Path,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let extract = &args.extract;
    let redactor = extract.redactor()?;
    let redactor = redactor.as_ref();
    let key = extract.signing_key()?;
    let staging = extract.staging(out, context)?;
    let opened = args.input.open(context)?;
    let store = &opened.store;
    let hits = AccessHits::find(store, request)?;
    let made = match (extract.shape.flat(), staging) {
        (Some(format), Some(staging)) => {
            let counts = write_access_flat_file(store, &hits, redactor, format, staging)?;
            let made = made_of(&counts);
            let mut stdout = anstream::stdout().lock();
            report_flat(&made, out, extract.is_redacted(), context, &mut stdout)?;
            made
        }
        (Some(format), None) => {
            let stdout = BufWriter::new(io::stdout());
            made_of(&write_access_flat(store, &hits, redactor, format, stdout)?)
        }
        (None, Some(staging)) => {
            let options = AccessBundleOptions {
                question: question(args, request),
                zone: context.zone.clone(),
                redactor,
                signing: key.as_ref().map(|it| (it, context.now)),
            };
            let report = write_access_bundle(store, &hits, &options, staging)?;
            let made = report_bundle(&report, context)?;
            if let Some(key) = &extract.sign_key {
                warn_of_open_key(key, context);
            }
            made
        }
        (None, None) => {
            anyhow::bail!("--out: a bundle goes to a directory or a zip, not to standard output")
        }
    };
    Ok(opened.outcome(made.events > 0))
}

fn made_of(counts: &AccessCounts) -> Made {
    Made { messages: None, events: counts.events, truncated: 0 }
}

/// What was asked, for the manifest.
fn question(args: &AccessArgs, request: &AccessRequest) -> Question {
    let words = args.words();
    let (since, until) = (args.since.as_deref(), args.until.as_deref());
    let (since, until) = args.on.bounds(since, until, request.range);
    Question {
        case_name: args.extract.case.clone(),
        query: (!words.is_empty()).then_some(words),
        filters: args.filters(),
        since,
        until,
        ..Question::default()
    }
}
