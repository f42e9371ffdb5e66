//! Checks a bundle without a store: every byte of every file, and that nothing is missing or more
//! than was made.
//!
//! A bundle comes from strangers. Nothing of it is written anywhere, names in it are never paths,
//! and no more is read of a file than it should have.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::{CompressionMethod, ZipArchive};

use super::ExportError;
use super::bundle::{MESSAGES, SUMS, TIMELINE, TIMESKETCH};
use super::manifest::{BUNDLE_VERSION, Manifest};
use super::staging::hex;
use crate::limits;
use crate::source::{
    BUNDLE_FORMAT, BUNDLE_MANIFEST, BUNDLE_RECORDS, expands_too_much, open_small_zip,
};

/// What the check of a bundle found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleCheck {
    /// What is wrong, at most [`limits::BUNDLE_PROBLEMS_MAX`]; not sanitised. Empty when all is
    /// well.
    pub problems: Vec<String>,
    /// Files that were read to their end.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// SHA-256 of `SHA256SUMS`, in hexadecimal, to compare with what was noted when it was made.
    pub sums_sha256: Option<String>,
    /// What it says of itself, where that can be read.
    pub manifest: Option<Manifest>,
}

/// Checks the bundle at a path: a directory or a zip.
///
/// # Errors
///
/// [`ExportError::NotABundle`] for something else, and [`ExportError::Io`] when it cannot be read.
pub fn check_bundle(path: &Path) -> Result<BundleCheck, ExportError> {
    let mut check = BundleCheck::default();
    let mut parts = Parts::open(path, &mut check)?;
    let names = parts.names();
    let sums = match parts.read(SUMS, limits::BUNDLE_SUMS_BYTES_MAX)? {
        Ok(bytes) => check.take_sums(&bytes),
        Err(problem) => {
            check.problem(problem);
            BTreeMap::new()
        }
    };
    match parts.read(BUNDLE_MANIFEST, limits::BUNDLE_MANIFEST_BYTES_MAX)? {
        Ok(bytes) => check.take_manifest(&bytes, &sums),
        Err(problem) => check.problem(problem),
    }
    let manifest = check.manifest.clone().unwrap_or_default();
    check.compare_lists(&manifest, &sums, &names);
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
                "{}: {} bytes, and manifest.json says {}",
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
        let counts = &manifest.counts;
        let lines = match file.name.as_str() {
            BUNDLE_RECORDS => counts.records,
            MESSAGES => counts.message_rows.saturating_add(1),
            TIMELINE | TIMESKETCH => counts.timeline_rows.saturating_add(1),
            _ => continue,
        };
        if digest.lines != lines {
            check.problem(format!(
                "{}: {} lines, and by manifest.json it has {lines}",
                file.name, digest.lines
            ));
        }
    }
    Ok(check)
}

impl BundleCheck {
    fn problem(&mut self, problem: String) {
        if self.problems.len() < limits::BUNDLE_PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn count(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    /// Reads `SHA256SUMS` as `sha256sum` writes it: by name, the sum.
    fn take_sums(&mut self, bytes: &[u8]) -> BTreeMap<String, String> {
        self.count(bytes.len() as u64);
        self.sums_sha256 = Some(hex(&Sha256::digest(bytes)));
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
                None => self.problem(format!("{SUMS}: line {} is no sum of a file", index + 1)),
            }
        }
        if !text.ends_with('\n') {
            self.problem(format!("{SUMS}: ends in the middle of a line"));
        }
        sums
    }

    fn take_manifest(&mut self, bytes: &[u8], sums: &BTreeMap<String, String>) {
        self.count(bytes.len() as u64);
        match sums.get(BUNDLE_MANIFEST) {
            Some(sum) if *sum == hex(&Sha256::digest(bytes)) => {}
            Some(_) => {
                self.problem(format!("{BUNDLE_MANIFEST}: its SHA-256 is not the one in {SUMS}"));
            }
            None => self.problem(format!("{SUMS}: does not name {BUNDLE_MANIFEST}")),
        }
        match serde_json::from_slice::<Manifest>(bytes) {
            Ok(it) if it.format != BUNDLE_FORMAT => {
                self.problem(format!("{BUNDLE_MANIFEST}: is not that of a bundle"));
            }
            Ok(it) => {
                if it.version > BUNDLE_VERSION {
                    self.problem(format!(
                        "{BUNDLE_MANIFEST}: has version {}, and this program knows {BUNDLE_VERSION}: use a newer mailtrace",
                        it.version
                    ));
                }
                self.manifest = Some(it);
            }
            Err(error) => self.problem(format!("{BUNDLE_MANIFEST}: cannot be read ({error})")),
        }
    }

    /// Compares the names in the manifest, in the sums, and of what is there.
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
            self.problem(format!("{BUNDLE_MANIFEST}: names more files than a bundle has"));
        }
        for name in sums.keys().filter(|it| *it != BUNDLE_MANIFEST && !is_listed(it)) {
            self.problem(format!("{BUNDLE_MANIFEST}: does not name {name}, which {SUMS} does"));
        }
        let own = [BUNDLE_MANIFEST, SUMS];
        for name in names.iter().filter(|it| !own.contains(&it.as_str()) && !is_listed(it)) {
            self.problem(format!("{name}: does not belong to the bundle"));
        }
        if self.manifest.is_some() && !is_listed(BUNDLE_RECORDS) {
            self.problem(format!("{BUNDLE_MANIFEST}: does not name {BUNDLE_RECORDS}"));
        }
    }
}

/// Whether this is the name of a file in a bundle, and no path to anywhere.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\', '\0']) && name != "." && name != ".."
}

/// The files of a bundle.
enum Parts {
    Directory { path: PathBuf, names: Vec<String> },
    Zip { path: PathBuf, archive: ZipArchive<File> },
}

/// What a file holds.
struct Digest256 {
    bytes: u64,
    lines: u64,
    sha256: String,
}

impl Parts {
    fn open(path: &Path, check: &mut BundleCheck) -> Result<Self, ExportError> {
        let metadata = fs::metadata(path).map_err(ExportError::io("open", path))?;
        if metadata.is_dir() {
            let names = names_in(path, check)?;
            return Ok(Self::Directory { path: path.to_owned(), names });
        }
        let file = File::open(path).map_err(ExportError::io("open", path))?;
        let opened = if metadata.is_file() {
            open_small_zip(file).map_err(ExportError::io("read", path))?
        } else {
            None
        };
        let Some(mut archive) = opened else {
            return Err(ExportError::NotABundle { path: path.to_owned() });
        };
        check_structure(&mut archive, check);
        Ok(Self::Zip { path: path.to_owned(), archive })
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Directory { names, .. } => names.clone(),
            Self::Zip { archive, .. } => archive
                .file_names_raw()
                .map(|it| String::from_utf8_lossy(it).into_owned())
                .collect(),
        }
    }

    /// Gives the content of a file to `take`, or says what is wrong with it.
    fn with<T>(
        &mut self,
        name: &str,
        take: impl FnOnce(&mut dyn Read) -> io::Result<T>,
    ) -> Result<Result<T, String>, ExportError> {
        match self {
            Self::Directory { path, names } => {
                if !names.iter().any(|it| it == name) {
                    return Ok(Err(format!("{name}: is missing")));
                }
                let path = path.join(name);
                let mut file = File::open(&path).map_err(ExportError::io("open", &path))?;
                take(&mut file).map(Ok).map_err(ExportError::io("read", &path))
            }
            Self::Zip { path, archive } => {
                let mut file = match archive.by_name(name) {
                    Ok(file) => file,
                    Err(zip::result::ZipError::FileNotFound) => {
                        return Ok(Err(format!("{name}: is missing")));
                    }
                    Err(error) => return Ok(Err(format!("{name}: cannot be read ({error})"))),
                };
                if expands_too_much(file.compressed_size(), file.size()) {
                    return Ok(Err(format!(
                        "{name}: claims to expand to {} bytes, which no log does: it is not read",
                        file.size()
                    )));
                }
                match take(&mut file) {
                    Ok(taken) => Ok(Ok(taken)),
                    // What does not decompress has been changed; what is wrong with the disk is not.
                    Err(error) if error.raw_os_error().is_none() => {
                        Ok(Err(format!("{name}: cannot be read ({error})")))
                    }
                    Err(error) => Err(ExportError::io("read", path)(error)),
                }
            }
        }
    }

    fn read(&mut self, name: &str, bytes_max: u64) -> Result<Result<Vec<u8>, String>, ExportError> {
        let read = self.with(name, |it| {
            let mut bytes = Vec::new();
            it.take(bytes_max + 1).read_to_end(&mut bytes).map(|_| bytes)
        })?;
        Ok(read.and_then(|bytes| {
            let is_short = bytes.len() as u64 <= bytes_max;
            is_short.then_some(bytes).ok_or_else(|| format!("{name}: more than {bytes_max} bytes"))
        }))
    }

    /// Hashes a file, to a byte beyond the length that it should have.
    fn digest(&mut self, name: &str, bytes: u64) -> Result<Result<Digest256, String>, ExportError> {
        self.with(name, |it| {
            let mut read = it.take(bytes.saturating_add(1));
            let mut hasher = Sha256::new();
            let mut digest = Digest256 { bytes: 0, lines: 0, sha256: String::new() };
            let mut buffer = vec![0; BUFFER_BYTES];
            loop {
                let count = match read.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                let part = buffer.get(..count).unwrap_or_default();
                hasher.update(part);
                digest.bytes += count as u64;
                digest.lines += memchr::memchr_iter(b'\n', part).count() as u64;
            }
            digest.sha256 = hex(&hasher.finalize());
            Ok(digest)
        })
    }
}

const BUFFER_BYTES: usize = 256 << 10;

/// The regular files of a directory, in order of their names; anything else in it is a problem.
fn names_in(dir: &Path, check: &mut BundleCheck) -> Result<Vec<String>, ExportError> {
    let entries = fs::read_dir(dir).map_err(ExportError::io("read the directory", dir))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(ExportError::io("read the directory", dir))?;
        let file_type = entry.file_type().map_err(ExportError::io("look at", &entry.path()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if names.len() >= limits::BUNDLE_FILES_MAX {
            check.problem("more files than a bundle has".to_owned());
            break;
        }
        // A link could point to whatever is right at the moment.
        if file_type.is_file() && entry.file_name().to_str().is_some() {
            names.push(name);
        } else {
            check.problem(format!("{name}: does not belong to the bundle"));
        }
    }
    names.sort();
    Ok(names)
}

/// Checks that a zip is its files, one behind the other, and nothing else.
fn check_structure(archive: &mut ZipArchive<File>, check: &mut BundleCheck) {
    if archive.has_duplicate_names() {
        check.problem("the zip has two files of one name".to_owned());
    }
    if archive.offset() != 0 || !archive.comment().is_empty() {
        check.problem("the zip has bytes before it, or a comment".to_owned());
    }
    let mut ranges = Vec::new();
    for index in 0..archive.len() {
        let file = match archive.by_index_raw(index) {
            Ok(file) => file,
            Err(error) => {
                check.problem(format!("the zip's file {index} cannot be read ({error})"));
                continue;
            }
        };
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        let is_known =
            matches!(file.compression(), CompressionMethod::Deflated | CompressionMethod::Stored);
        if !is_file_name(&name) || !file.is_file() || file.encrypted() || !is_known {
            check.problem(format!("{name}: is no file that a bundle has"));
        }
        let end = file.data_start().map(|it| it.saturating_add(file.compressed_size()));
        ranges.push((file.header_start(), end.unwrap_or(u64::MAX)));
    }
    ranges.sort_unstable();
    let end = ranges.iter().try_fold(0, |at, (start, end)| (*start == at).then_some(*end));
    if end != Some(archive.central_directory_start()) {
        check.problem("the zip has bytes between its files, or files over one another".to_owned());
    }
}
