//! The files of a bundle in a directory or a zip.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};
use zip::{CompressionMethod, ZipArchive};

use super::check::{BundleCheck, ProblemKind};
use super::error::ExportError;
use super::pack::Packer;
use super::repack::Comparer;
use crate::limits;
use crate::source::{expands_too_much, open_small_zip};

/// The files of a bundle.
pub(super) enum Parts {
    Directory { path: PathBuf, names: Vec<String> },
    Zip { path: PathBuf, archive: ZipArchive<File> },
}

pub(super) struct Digest256 {
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) sha256: String,
}

impl Parts {
    pub(super) fn open(path: &Path, check: &mut BundleCheck) -> Result<Self, ExportError> {
        // Follows links: this path is the user's own, unlike the names in the bundle.
        let metadata = fs::metadata(path).map_err(ExportError::io("open", path))?;
        if metadata.is_dir() {
            let names = names_in(path, check)?;
            return Ok(Self::Directory { path: path.to_owned(), names });
        }
        let not_a_bundle = || ExportError::NotABundle { path: path.to_owned() };
        let file = match metadata.is_file() {
            true => open_file(path, OFlags::empty()).map_err(ExportError::io("open", path))?,
            false => None,
        };
        let opened = open_small_zip(file.ok_or_else(not_a_bundle)?);
        let opened = opened.map_err(ExportError::io("read", path))?;
        let mut archive = opened.ok_or_else(not_a_bundle)?;
        check_structure(&mut archive, check);
        Ok(Self::Zip { path: path.to_owned(), archive })
    }

    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Directory { names, .. } => names.clone(),
            Self::Zip { archive, .. } => archive
                .file_names_raw()
                .map(|it| String::from_utf8_lossy(it).into_owned())
                .collect(),
        }
    }

    /// Passes the content of a file to `take`, or returns what is wrong with it.
    fn with<T>(
        &mut self,
        name: &str,
        take: impl FnOnce(&mut dyn Read) -> io::Result<T>,
    ) -> Result<Result<T, String>, ExportError> {
        match self {
            Self::Directory { path, names } => {
                // Only a name that the directory listed becomes part of a path.
                if !names.iter().any(|it| it == name) {
                    return Ok(Err(format!("{name}: is missing")));
                }
                let path = path.join(name);
                let file = open_file(&path, OFlags::NOFOLLOW);
                let Some(mut file) = file.map_err(ExportError::io("open", &path))? else {
                    return Ok(Err(format!("{name}: does not belong to the bundle")));
                };
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
                // Judged by what the zip claims, before a byte is decompressed.
                if expands_too_much(file.compressed_size(), file.size()) {
                    return Ok(Err(format!(
                        "{name}: claims to expand to {} bytes, which no log does: it is not read",
                        file.size()
                    )));
                }
                match take(&mut file) {
                    Ok(taken) => Ok(Ok(taken)),
                    // An error without an OS code comes from decompressing, so the file was
                    // changed. One with a code is this machine's.
                    Err(error) if error.raw_os_error().is_none() => {
                        Ok(Err(format!("{name}: cannot be read ({error})")))
                    }
                    Err(error) => Err(ExportError::io("read", path)(error)),
                }
            }
        }
    }

    pub(super) fn read(
        &mut self,
        name: &str,
        bytes_max: u64,
    ) -> Result<Result<Vec<u8>, String>, ExportError> {
        let read = self.with(name, |it| {
            let mut bytes = Vec::new();
            // One byte more than allowed tells a longer file from one of exactly the maximum.
            it.take(bytes_max + 1).read_to_end(&mut bytes).map(|_| bytes)
        })?;
        Ok(read.and_then(|bytes| {
            let is_short = bytes.len() as u64 <= bytes_max;
            is_short.then_some(bytes).ok_or_else(|| format!("{name}: more than {bytes_max} bytes"))
        }))
    }

    /// Hashes a file up to one byte beyond its expected length.
    pub(super) fn digest(
        &mut self,
        name: &str,
        bytes: u64,
    ) -> Result<Result<Digest256, String>, ExportError> {
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
                let (part, _) = buffer.split_at(count);
                hasher.update(part);
                digest.bytes += count as u64;
                digest.lines += memchr::memchr_iter(b'\n', part).count() as u64;
            }
            digest.sha256 = hex::encode(hasher.finalize());
            Ok(digest)
        })
    }
}

impl Parts {
    /// Returns the first byte at which a zip differs from the one that its files make in this
    /// order; always `None` for a directory.
    pub(super) fn difference(
        &mut self,
        names: &[&str],
    ) -> Result<Result<Option<u64>, String>, ExportError> {
        let Self::Zip { path, .. } = self else { return Ok(Ok(None)) };
        let path = path.clone();
        let file = open_file(&path, OFlags::empty()).map_err(ExportError::io("open", &path))?;
        let Some(file) = file else { return Err(ExportError::NotABundle { path }) };
        let comparer = Comparer::new(file).map_err(ExportError::io("read", &path))?;
        let mut packer = Packer::new(comparer);
        for name in names {
            let length = self.length(name);
            let added = self.with(name, |it| packer.add(name, length, &mut it.take(length)))?;
            if let Err(problem) = added {
                return Ok(Err(problem));
            }
        }
        let comparer = packer.finish().map_err(ExportError::io("read", &path))?;
        Ok(Ok(comparer.difference()))
    }

    /// Returns the length of a file as the zip states it.
    fn length(&mut self, name: &str) -> u64 {
        match self {
            Self::Directory { .. } => 0,
            Self::Zip { archive, .. } => archive.by_name(name).map_or(0, |it| it.size()),
        }
    }
}

/// Opens a regular file; `None` for anything else. Never blocks, as opening a pipe without a writer
/// would.
fn open_file(path: &Path, flags: OFlags) -> io::Result<Option<File>> {
    let flags = flags | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    Ok(file.metadata()?.is_file().then_some(file))
}

const BUFFER_BYTES: usize = 256 << 10;

/// Returns the names of a directory's regular files in order; anything else in it is a problem.
fn names_in(dir: &Path, check: &mut BundleCheck) -> Result<Vec<String>, ExportError> {
    let entries = fs::read_dir(dir).map_err(ExportError::io("read the directory", dir))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(ExportError::io("read the directory", dir))?;
        let file_type = entry.file_type().map_err(ExportError::io("inspect", &entry.path()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if names.len() >= limits::BUNDLE_FILES_MAX {
            check.problem("more files than a bundle can have".to_owned());
            break;
        }
        // A link could point to something that is right only while it is checked.
        if file_type.is_file() && entry.file_name().to_str().is_some() {
            names.push(name);
        } else {
            check.problem(format!("{name}: does not belong to the bundle"));
        }
    }
    names.sort();
    Ok(names)
}

/// Checks that a zip consists of its files, one after another, and nothing else.
fn check_structure(archive: &mut ZipArchive<File>, check: &mut BundleCheck) {
    if archive.has_duplicate_names() {
        check.problem("the zip has two files with the same name".to_owned());
    }
    if archive.offset() != 0 || !archive.comment().is_empty() {
        check.problem_of(
            ProblemKind::Packing,
            "the zip has bytes before it, or a comment".to_owned(),
        );
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
            check.problem(format!("{name}: is not a file of a bundle"));
        }
        let end = file.data_start().map(|it| it.saturating_add(file.compressed_size()));
        ranges.push((file.header_start(), end.unwrap_or(u64::MAX)));
    }
    ranges.sort_unstable();
    // Each file must begin where the one before ends: a gap can hide data, an overlap can show
    // different files to different readers.
    let end = ranges.iter().try_fold(0, |at, (start, end)| (*start == at).then_some(*end));
    if end != Some(archive.central_directory_start()) {
        check.problem_of(
            ProblemKind::Packing,
            "the zip has bytes between its files, or overlapping files".to_owned(),
        );
    }
}

/// True if this is the name of a file in a bundle, and not a path to anywhere else.
pub(super) fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\', '\0']) && name != "." && name != ".."
}
