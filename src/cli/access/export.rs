//! `mailtrace access --out`: audit events as evidence, and for other programs.

use std::io::{self, BufWriter};
use std::path::Path;

use crate::access::{AccessHits, AccessRequest};
use crate::cli::args::backend::BackendArgs;
use crate::cli::args::extract::{ExtractArgs, ExtractCounts, say_of_mirror};
use crate::cli::context::{CommandOutcome, Context};
use crate::export::{
    AccessBundleOptions, BundleQuestion, write_access_bundle, write_access_flat,
    write_access_flat_file,
};
use crate::timeline::AuditReach;

/// Writes all that is found; `question` goes into the manifest.
pub(crate) fn run(
    extract: &ExtractArgs,
    backend: &BackendArgs,
    (request, question): (&AccessRequest, BundleQuestion),
    out: &Path,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let redactor = extract.redactor()?;
    let redactor = redactor.as_ref();
    let key = extract.signing_key(backend)?;
    let staging = extract.staging(out, context)?;
    let opened = backend.open_audit_with_password(context, &AuditReach::Request(request))?;
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
        counts.map(|it| ExtractCounts { messages: None, events: it.events, truncated: 0 })
    };
    let bundle = |staging, signing: Option<_>| {
        let zone = context.zone.clone();
        let options = AccessBundleOptions { question, zone, redactor, signing };
        write_access_bundle(store, &hits, &options, staging)
    };
    let made = extract.write((out, staging), key.as_ref(), context, flat, bundle)?;
    Ok(opened.outcome(made.events > 0))
}
