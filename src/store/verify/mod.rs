//! Verifying that a store is what it was when it was written.
//!
//! Every byte of the archive goes into a checksum: that of its file, and the chain of heads that
//! each commit continues ([`chain`]). Every byte of the index is covered by a checksum of its
//! segment, and the counts of both must agree. That finds any change. On request, what the index
//! says of each record is compared with the record as well ([`compare`]).

mod archive;
mod chain;
mod compare;
mod damage;
mod index;
mod report;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::Digest;

pub use report::{Damage, FoundHead, VerifyOptions, VerifyProgress, VerifyReport};

use super::archive::{Sums, hash_prefix};
use super::audit_index::AuditIndex;
use super::dir::Dir;
use super::error::StoreError;
use super::index::read_checkpoint;
use super::layout::Layout;
use super::ledger::checkpoint::Checkpoint;
use super::provenance::Repeats;
use super::rejected::hash_in_name;
use crate::limits;
pub(in crate::store) use archive::{ArchiveCheck, FileCheck, check_archive};
pub(in crate::store) use chain::CommitChain;

/// Checks the whole store. `on_progress` is called from several threads.
///
/// # Errors
///
/// [`StoreError`] if there is no store, or the file system refuses. Problems of the store itself
/// are in the report.
pub fn verify(
    path: &Path,
    options: &VerifyOptions<'_>,
    on_progress: &(dyn Fn(VerifyProgress) + Sync),
) -> Result<VerifyReport, StoreError> {
    let layout = Layout::new(path);
    layout.check()?;
    let mut attempts = limits::VERIFY_ATTEMPTS_MAX;
    loop {
        attempts -= 1;
        let before = read_checkpoint(&layout).ok();
        let verified = verify_once(&layout, options, on_progress);
        // A removal meanwhile takes away files that we were about to read, and leaves another
        // commit: then look again.
        let is_sound = verified.as_ref().is_ok_and(|it| it.problems.is_empty());
        if is_sound || attempts == 0 || read_checkpoint(&layout).ok() == before {
            return verified;
        }
    }
}

fn verify_once(
    layout: &Layout,
    options: &VerifyOptions<'_>,
    on_progress: &(dyn Fn(VerifyProgress) + Sync),
) -> Result<VerifyReport, StoreError> {
    let mut report = VerifyReport::default();
    // Read before the index: if a commit comes in between, these sums are older than the index,
    // which is harmless, and never newer.
    let earlier_sums = Sums::read(layout)?;
    let meter = Meter::new(layout, on_progress);
    let (snapshot, checkpoint) = index::open(layout, &meter, &mut report);
    let archive = archive::check(layout, checkpoint.as_ref(), &earlier_sums, &meter)?;
    report.tombstones = archive.folded().tombstones();
    report.archive_files = archive.files.len() as u64;
    report.records = archive.records();
    for file in &archive.files {
        report.problems.extend(file.problems.iter().cloned());
    }
    report.problems.extend(archive.problems.iter().cloned());
    report.notes.extend(archive.notes.iter().cloned());
    check_chain(layout, &archive, checkpoint.as_ref(), options, &mut report);
    index::check_table(layout, &mut report);
    if let (Some(snapshot), Some(checkpoint)) = (&snapshot, &checkpoint) {
        let audit = index::open_audit(layout, checkpoint, &mut report);
        let audit = audit.as_ref();
        report.documents = snapshot.searcher().num_docs() + audit.map_or(0, AuditIndex::count);
        damage::tell(layout, &archive, (snapshot, audit), &mut report);
        index::compare_counts(snapshot, audit, checkpoint, &archive, &mut report);
        if options.is_deep {
            compare::compare(layout, &archive, (snapshot, audit), &mut report);
        }
    }
    verify_rejected(layout, &mut report)?;
    if Repeats::read_checked(layout)?.is_none() {
        report.problems.push(format!(
            "{} was changed: remove it; it only lists sources that added nothing",
            layout.repeats().display()
        ));
    }
    Ok(report)
}

/// Checks that each commit continues the one before and that the last one is the index's, and finds
/// the head that was asked for.
fn check_chain(
    layout: &Layout,
    archive: &ArchiveCheck,
    checkpoint: Option<&Checkpoint>,
    options: &VerifyOptions<'_>,
    report: &mut VerifyReport,
) {
    let chain = CommitChain::new(archive);
    report.commits = chain.links.len() as u64;
    report.head = chain.links.last().map(|it| it.head.clone());
    // Damage by itself breaks the chain, and has been reported.
    if report.problems.is_empty() {
        report.problems.extend(chain.problems(layout));
        let known = checkpoint.map(|it| it.archive.head.as_str()).filter(|it| !it.is_empty());
        if known.is_some() && known != report.head.as_deref() {
            report.problems.push(format!(
                "{}: its commit's head differs from the archive's",
                layout.index().display()
            ));
        }
        if let Some(checkpoint) = checkpoint {
            archive.check_sums_of_notes(layout, checkpoint, report);
        }
    }
    let Some(head) = options.head else { return };
    report.found_head = chain.find(head);
    if report.found_head.is_none() {
        report.problems.push(format!(
            "no commit of this store has the head {head}: the archive was replaced, or rolled back to before that commit"
        ));
    }
}

/// Checks the files of rejected input, each of which is named by the hash of its content.
fn verify_rejected(layout: &Layout, report: &mut VerifyReport) -> Result<(), StoreError> {
    // Copies of a store may lack it when it was empty.
    let Some(dir) = layout.rejected_dir()? else { return Ok(()) };
    for name in dir.names()? {
        let Some(name) = name.to_str() else { continue };
        let Some(expected) = hash_in_name(name) else { continue };
        let path = dir.path().join(name);
        let file = match dir.file(name) {
            // A removal may have taken the file away since.
            Err(error) if error.is_not_found() => continue,
            other => other?,
        };
        let length = file.metadata().map_err(StoreError::io("inspect", &path))?.len();
        let sha256 = hex::encode(hash_prefix(&file, &path, length)?.finalize());
        if !sha256.starts_with(expected) {
            report.problems.push(format!("{} was changed", path.display()));
        }
    }
    Ok(())
}

/// Counts the bytes read.
struct Meter<'p> {
    bytes: AtomicU64,
    total_bytes: u64,
    on_progress: &'p (dyn Fn(VerifyProgress) + Sync),
}

impl<'p> Meter<'p> {
    fn new(layout: &Layout, on_progress: &'p (dyn Fn(VerifyProgress) + Sync)) -> Self {
        let total_bytes = bytes_in(layout.archive_dir()) + bytes_in(layout.index_dir());
        Self { bytes: AtomicU64::new(0), total_bytes, on_progress }
    }

    fn add(&self, bytes: u64) {
        // Relaxed: the threads share nothing but the count.
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.on_progress)(VerifyProgress { bytes, total_bytes: self.total_bytes });
    }
}

/// Bytes of a directory's files; 0 if it cannot be read.
fn bytes_in(dir: Result<Dir, StoreError>) -> u64 {
    // Only for progress: the checks themselves report what cannot be read.
    dir.and_then(|it| it.bytes()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Parser;
    use crate::source::Record;
    use crate::store::{Store, StoreWriter};
    use crate::time::Timestamp;

    fn record(ms: i64, message: &str) -> Record<'_> {
        Record {
            log_group: None,
            log_stream: None,
            event_id: None,
            timestamp: Timestamp::from_ms(ms).unwrap(),
            is_time_approximate: false,
            ingestion_time: None,
            message: message.into(),
        }
    }

    /// A store with three records; the index takes the second for another one.
    fn store_with_a_wrong_document(path: &Path) {
        let messages = ["one", "two", "three"]
            .map(|it| format!(r#"{{"traceId":"{it}","event":{{"eventName":"X"}}}}"#));
        let mut writer = StoreWriter::open_or_create(path).unwrap();
        let mut preparer = writer.preparers().preparer();
        let mut parser = Parser::new();
        for (ms, message) in (0..).zip(&messages) {
            let shown = message.replace("two", "too");
            let event = parser.parse(&shown).unwrap().into_owned();
            preparer.add(&record(ms, message), &event);
        }
        writer.append(vec![preparer.finish().unwrap()]).unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn only_a_deep_look_finds_a_wrong_document_and_names_it() {
        let dir = tempfile::tempdir().unwrap();
        store_with_a_wrong_document(dir.path());
        let check =
            |is_deep| verify(dir.path(), &VerifyOptions { is_deep, head: None }, &|_| {}).unwrap();
        assert_eq!(check(false).problems, [""; 0]);
        let problems = check(true).problems;
        assert_eq!(problems.len(), 2, "{problems:#?}");
        assert!(
            problems[1].ends_with("00000001.ndjson.zst, block at byte 0, line 2"),
            "{problems:#?}"
        );
    }

    #[test]
    fn records_of_an_earlier_build_have_no_source() {
        let dir = tempfile::tempdir().unwrap();
        store_with_a_wrong_document(dir.path());
        let store = Store::open(dir.path()).unwrap();
        let mut provenance = store.provenance();
        let events = store.fold_records(
            Vec::new,
            |all, it| all.push(it.clone().into_owned()),
            |a, b| [a, b].concat(),
        );
        let record = events.unwrap().remove(0);
        let event = Parser::new().parse(&record.message).unwrap().into_owned();
        let stored = crate::store::StoredEvent { record: record.clone(), event };
        assert!(store.locator().locate(&stored).unwrap().is_some());
        assert_eq!(provenance.of_event(&stored).unwrap(), None);
        assert_eq!(store.origins().unwrap(), []);
    }
}
