//! `mailtrace access --out`: audit events as evidence, and for other programs.

use std::io::{self, BufWriter};
use std::path::Path;

use super::access::AccessArgs;
use super::export::say_of_mirror;
use super::extract::Made;
use super::{Context, Outcome};
use crate::access::{AccessHits, AccessRequest};
use crate::export::{
    AccessBundleOptions, Question, write_access_bundle, write_access_flat, write_access_flat_file,
};
use crate::timeline::AuditReach;

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
    let key = extract.signing_key(&args.password())?;
    let staging = extract.staging(out, context)?;
    let reach = AuditReach::Request(request);
    let opened = args.backend.open_audit_with_password(context, &reach)?;
    let store = &opened.store;
    say_of_mirror(store, context);
    let hits = AccessHits::find(store, request)?;
    let flat = |format, staging| {
        let counts = match staging {
            Some(staging) => write_access_flat_file(store, &hits, redactor, format, staging),
            None => {
                let stdout = BufWriter::new(io::stdout());
                write_access_flat(store, &hits, redactor, format, stdout)
            }
        };
        counts.map(|it| Made { messages: None, events: it.events, truncated: 0 })
    };
    let bundle = |staging, signing: Option<_>| {
        let (question, zone) = (question(args, request), context.zone.clone());
        let options = AccessBundleOptions { question, zone, redactor, signing };
        write_access_bundle(store, &hits, &options, staging)
    };
    let made = extract.write((out, staging), key.as_ref(), context, flat, bundle)?;
    Ok(opened.outcome(made.events > 0))
}

/// What was asked, for the manifest.
fn question(args: &AccessArgs, request: &AccessRequest) -> Question {
    let words = args.words();
    let (since, until) = args.range.bounds(request.range);
    Question {
        case_name: args.extract.case.clone(),
        query: (!words.is_empty()).then_some(words),
        filters: args.filters(),
        since,
        until,
        ..Question::default()
    }
}
