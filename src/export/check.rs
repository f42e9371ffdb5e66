//! Checks a bundle without a store: every byte of every file, and that nothing is missing or added.
//!
//! A bundle comes from strangers. Nothing of it is written anywhere, its names are never used as
//! paths, and no file is read beyond its stated length.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::ExportError;
use super::bundle::{ACCESS, MESSAGES, SIGNATURE, SUMS, TIMELINE, TIMESKETCH};
use super::manifest::{BUNDLE_VERSION, Manifest};
use super::parts::{Parts, is_file_name};
use crate::limits;
use crate::signing::{PublicKey, Signed};
use crate::source::{BUNDLE_FORMAT, BUNDLE_MANIFEST, BUNDLE_RECORDS};

/// The result of checking a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleCheck {
    /// The problems, at most [`limits::BUNDLE_PROBLEMS_MAX`], not sanitised; none if all is well.
    pub problems: Vec<String>,
    /// Number of files that were read to their end.
    pub files: u64,
    pub bytes: u64,
    /// SHA-256 of `SHA256SUMS`, in hexadecimal, to compare with the one noted when it was made.
    pub sums_sha256: Option<String>,
    /// The content of its signature, if it has one. It was verified only if there was a public key
    /// to do so.
    pub signature: Option<Signed>,
    /// Its manifest, if that can be read.
    pub manifest: Option<Manifest>,
    kinds: BTreeSet<ProblemKind>,
}

/// A kind of problem with a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// Its files are wrong, or contradict each other.
    Content,
    /// Its signature is wrong or missing.
    Signature,
    /// The files are unchanged, but the zip around them is not the original.
    Packing,
}

/// Checks the bundle at a path, a directory or a zip. If a public key is given, it must be signed
/// with that key.
pub fn check_bundle(path: &Path, key: Option<&PublicKey>) -> Result<BundleCheck, ExportError> {
    let mut check = BundleCheck::default();
    let mut parts = Parts::open(path, &mut check)?;
    let names = parts.names();
    let sums = match parts.read(SUMS, limits::BUNDLE_SUMS_BYTES_MAX)? {
        Ok(bytes) => {
            if names.iter().any(|it| it == SIGNATURE) {
                let signature = parts.read(SIGNATURE, limits::SIGNED_TEXT_BYTES_MAX)?;
                check.take_signature(&bytes, signature, key);
            } else if key.is_some() {
                check.problem_of(
                    ProblemKind::Signature,
                    format!("{SIGNATURE}: is missing, so nothing shows who made this"),
                );
            }
            check.take_sums(&bytes)
        }
        Err(problem) => {
            check.problem(problem);
            BTreeMap::new()
        }
    };
    match parts.read(BUNDLE_MANIFEST, limits::BUNDLE_MANIFEST_BYTES_MAX)? {
        Ok(bytes) => check.take_manifest(&bytes, &sums),
        Err(problem) => check.problem(problem),
    }
    // Without a readable manifest the lists are still compared, so that every problem is named at
    // once.
    let manifest = check.manifest.clone().unwrap_or_default();
    check.compare_lists(&manifest, &sums, &names);
    // A manifest may name any number of files; those beyond the bound are a problem already.
    for file in manifest.files.iter().take(limits::BUNDLE_FILES_MAX) {
        if !names.contains(&file.name) || [SUMS, BUNDLE_MANIFEST].contains(&file.name.as_str()) {
            continue;
        }
        let digest = match parts.digest(&file.name, file.bytes)? {
            Ok(digest) => digest,
            Err(problem) => {
                check.problem(problem);
                continue;
            }
        };
        check.count(digest.bytes);
        if digest.bytes != file.bytes {
            check.problem(format!(
                "{}: {} bytes, but manifest.json says {}",
                file.name, digest.bytes, file.bytes
            ));
        }
        for (source, expected) in
            [(BUNDLE_MANIFEST, Some(&file.sha256)), (SUMS, sums.get(&file.name))]
        {
            if expected.is_some_and(|it| *it != digest.sha256) {
                check.problem(format!("{}: its SHA-256 is not the one in {source}", file.name));
            }
        }
        // Lines are compared too, since sums can be made anew. Cells are sanitised, so a row is
        // exactly one line, after one header.
        let counts = &manifest.counts;
        let lines = match file.name.as_str() {
            BUNDLE_RECORDS => counts.records,
            MESSAGES => counts.message_rows.saturating_add(1),
            ACCESS => counts.records.saturating_add(1),
            TIMELINE | TIMESKETCH => counts.timeline_rows.saturating_add(1),
            _ => continue,
        };
        if digest.lines != lines {
            check.problem(format!(
                "{}: {} lines, but manifest.json says {lines}",
                file.name, digest.lines
            ));
        }
    }
    // Packing wrong content again would only report the same problem by its consequences.
    if !check.kinds.contains(&ProblemKind::Content) {
        check.compare_packing(&manifest, &names, &mut parts)?;
    }
    Ok(check)
}

/// Returns the files of a bundle's zip in their order. Those that identify it come first, so that a
/// reader finds them first.
pub(super) fn packing_order<'n>(
    names: impl Iterator<Item = &'n str>,
    is_signed: bool,
) -> Vec<&'n str> {
    let first = [BUNDLE_MANIFEST, SUMS];
    let mut rest: Vec<&str> = names.filter(|it| !first.contains(it) && *it != SIGNATURE).collect();
    rest.sort_unstable();
    first.into_iter().chain(is_signed.then_some(SIGNATURE)).chain(rest).collect()
}

impl BundleCheck {
    /// True if there are problems and all are of one kind.
    pub fn is_only(&self, kind: ProblemKind) -> bool {
        self.kinds.iter().eq([&kind])
    }

    pub(super) fn problem(&mut self, problem: String) {
        self.problem_of(ProblemKind::Content, problem);
    }

    pub(super) fn problem_of(&mut self, kind: ProblemKind, problem: String) {
        self.kinds.insert(kind);
        if self.problems.len() < limits::BUNDLE_PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    /// Compares a zip, whose files are known to be intact, with the one that they make when packed
    /// again.
    fn compare_packing(
        &mut self,
        manifest: &Manifest,
        names: &[String],
        parts: &mut Parts,
    ) -> Result<(), ExportError> {
        let is_signed = names.iter().any(|it| it == SIGNATURE);
        let listed = manifest.files.iter().map(|it| it.name.as_str());
        match parts.difference(&packing_order(listed, is_signed))? {
            Ok(None) => {}
            Ok(Some(place)) => self.problem_of(
                ProblemKind::Packing,
                format!("the zip differs from the one that its files make, from byte {place} on"),
            ),
            Err(problem) => self.problem(problem),
        }
        Ok(())
    }

    fn count(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    /// Parses `SHA256SUMS` in the format of `sha256sum`, and returns the sums by name.
    fn take_sums(&mut self, bytes: &[u8]) -> BTreeMap<String, String> {
        self.count(bytes.len() as u64);
        self.sums_sha256 = Some(hex::encode(Sha256::digest(bytes)));
        let mut sums = BTreeMap::new();
        let text = String::from_utf8_lossy(bytes);
        for (index, line) in text.lines().enumerate() {
            let is_sum = |it: &str| it.len() == 64 && it.bytes().all(|it| it.is_ascii_hexdigit());
            match line.split_once("  ").filter(|(sum, name)| is_sum(sum) && is_file_name(name)) {
                Some((sum, name)) => {
                    if sums.insert(name.to_owned(), sum.to_owned()).is_some() {
                        self.problem(format!("{SUMS}: names {name} twice"));
                    }
                }
                None => {
                    self.problem(format!("{SUMS}: line {} is not a file's checksum", index + 1));
                }
            }
        }
        // A truncated list may still consist of whole sums.
        if !text.ends_with('\n') {
            self.problem(format!("{SUMS}: ends in the middle of a line"));
        }
        sums
    }

    /// Parses the signature of the sums, and verifies it if there is a key.
    fn take_signature(
        &mut self,
        sums: &[u8],
        signature: Result<Vec<u8>, String>,
        key: Option<&PublicKey>,
    ) {
        let taken = signature.and_then(|bytes| {
            self.count(bytes.len() as u64);
            let text = String::from_utf8_lossy(&bytes);
            let signed = match key {
                Some(key) => key.check(sums, &text),
                None => Signed::unchecked(&text),
            };
            signed.map_err(|error| format!("{SIGNATURE}: {error}"))
        });
        match taken {
            Ok(signed) => self.signature = Some(signed),
            Err(problem) => self.problem_of(ProblemKind::Signature, problem),
        }
    }

    fn take_manifest(&mut self, bytes: &[u8], sums: &BTreeMap<String, String>) {
        self.count(bytes.len() as u64);
        match sums.get(BUNDLE_MANIFEST) {
            Some(sum) if *sum == hex::encode(Sha256::digest(bytes)) => {}
            Some(_) => {
                self.problem(format!("{BUNDLE_MANIFEST}: its SHA-256 is not the one in {SUMS}"));
            }
            None => self.problem(format!("{SUMS}: does not name {BUNDLE_MANIFEST}")),
        }
        match serde_json::from_slice::<Manifest>(bytes) {
            Ok(it) if it.format != BUNDLE_FORMAT => {
                self.problem(format!("{BUNDLE_MANIFEST}: is not a bundle's manifest"));
            }
            Ok(it) => {
                if it.version > BUNDLE_VERSION {
                    self.problem(format!(
                        "{BUNDLE_MANIFEST}: has version {}, and this program reads {BUNDLE_VERSION}: use a newer mailtrace",
                        it.version
                    ));
                }
                self.manifest = Some(it);
            }
            Err(error) => self.problem(format!("{BUNDLE_MANIFEST}: cannot be read ({error})")),
        }
    }

    /// Compares the names in the manifest, in the sums, and in the bundle.
    fn compare_lists(
        &mut self,
        manifest: &Manifest,
        sums: &BTreeMap<String, String>,
        names: &[String],
    ) {
        let is_listed = |name: &str| manifest.files.iter().any(|it| it.name == name);
        for (index, file) in manifest.files.iter().enumerate().take(limits::BUNDLE_FILES_MAX) {
            if manifest.files.iter().take(index).any(|it| it.name == file.name) {
                self.problem(format!("{BUNDLE_MANIFEST}: names {} twice", file.name));
            }
            if !sums.contains_key(&file.name) {
                self.problem(format!("{SUMS}: does not name {}", file.name));
            }
            if !names.contains(&file.name) {
                self.problem(format!("{}: is missing", file.name));
            }
        }
        if manifest.files.len() > limits::BUNDLE_FILES_MAX {
            self.problem(format!("{BUNDLE_MANIFEST}: names more files than a bundle can have"));
        }
        for name in sums.keys().filter(|it| *it != BUNDLE_MANIFEST && !is_listed(it)) {
            self.problem(format!("{BUNDLE_MANIFEST}: does not name {name}, which {SUMS} does"));
        }
        let own = [BUNDLE_MANIFEST, SUMS, SIGNATURE];
        for name in names.iter().filter(|it| !own.contains(&it.as_str()) && !is_listed(it)) {
            self.problem(format!("{name}: does not belong to the bundle"));
        }
        if self.manifest.is_some() && !is_listed(BUNDLE_RECORDS) {
            self.problem(format!("{BUNDLE_MANIFEST}: does not name {BUNDLE_RECORDS}"));
        }
    }
}
