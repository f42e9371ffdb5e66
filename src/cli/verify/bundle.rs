//! `mailtrace verify --bundle`.

use std::path::Path;

use serde_json::json;

use crate::cli::context::{CommandOutcome, Context};
use crate::export::{ProblemKind, check_bundle};
use crate::render::{BriefAnswer, counted, signed_in_words, signed_json};
use crate::signing::PublicKey;

/// Checks an export.
pub(crate) fn run(
    path: &Path,
    key: Option<&PublicKey>,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let check = check_bundle(path, key)?;
    let signature = check.signature.as_ref();
    let manifest = check.manifest.clone().unwrap_or_default();
    let json = json!({
        "sound": check.problems.is_empty(),
        "bundle": path.display().to_string(),
        "files": check.files,
        "bytes": check.bytes,
        "messages": manifest.counts.messages,
        "auditEvents": manifest.counts.access.as_ref().map(|it| it.events),
        "records": manifest.counts.records,
        "redacted": manifest.redaction.is_some(),
        "sumsSha256": check.sums_sha256,
        "signature": signature.map(|it| signed_json(it, key.is_some())),
        "problems": check.problems,
    });
    let mut lines = check.problems.clone();
    if lines.is_empty() {
        let counts = &manifest.counts;
        let held = match &counts.access {
            Some(access) => counted(access.events, "audit event"),
            None => counted(counts.messages, "message"),
        };
        let records = counted(counts.records, "record");
        let redacted = if manifest.redaction.is_some() { ", redacted" } else { "" };
        lines.push(format!("OK: {} files, {held}, {records}{redacted}", check.files));
        let sums = check.sums_sha256.as_deref().unwrap_or("");
        lines.push(format!("SHA-256 of its SHA256SUMS: {sums}"));
        lines.extend(signature.map(|it| signed_in_words(it, key.is_some(), &context.zone)));
    }
    context.print(&BriefAnswer { lines, json })?;
    anyhow::ensure!(
        !check.is_only(ProblemKind::Signature),
        "{} is intact, but not signed with that key, see above",
        path.display()
    );
    anyhow::ensure!(
        !check.is_only(ProblemKind::Packing),
        "{} was not packed by this version of mailtrace, or was changed around its files, which are intact: unpack it into a directory of its own, and verify that",
        path.display()
    );
    anyhow::ensure!(
        check.problems.is_empty(),
        "{} is not as it was made: {}, listed above: ask for another copy",
        path.display(),
        counted(check.problems.len() as u64, "problem"),
    );
    Ok(CommandOutcome::Done)
}
