//! Turns the paths that a user names into the inputs to read.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::{SourceError, bundle};
use crate::limits;

/// One thing to read, or a place that could not be looked at.
#[derive(Debug)]
pub enum Input {
    /// Standard input, named `-`.
    Stdin,
    /// A file.
    File(PathBuf),
    /// A part of a walked directory that could not be read. The walk goes on without it.
    Problem(SourceError),
}

/// The object that an S3 export task writes to test its permissions. It holds no events.
pub const EXPORT_TEST_OBJECT: &str = "aws-logs-write-test";

/// Lists the inputs under `paths`: each path in the order given, directories walked in the order of
/// their names.
///
/// `-` is standard input. A named link is followed, and a named file need not be regular: a pipe
/// will do. Within a directory only regular files count, links are not followed, and hidden entries
/// and an export's `aws-logs-write-test` are left out, as are the files beside the records of a
/// bundle that `export` made. A path named twice is read once.
///
/// # Errors
///
/// [`SourceError::NotFound`] or [`SourceError::Open`] for a named path. A failure within a
/// directory is an [`Input::Problem`].
pub fn walk(paths: &[PathBuf]) -> Result<Vec<Input>, SourceError> {
    let mut inputs = Vec::new();
    let mut named = HashSet::new();
    for path in paths {
        if !named.insert(path) {
            continue;
        }
        if path.as_os_str() == "-" {
            inputs.push(Input::Stdin);
            continue;
        }
        let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SourceError::NotFound { path: path.clone() },
            _ => SourceError::Open { path: path.clone(), source },
        })?;
        if metadata.is_dir() {
            walk_directory(path, &mut inputs);
        } else {
            inputs.push(Input::File(path.clone()));
        }
    }
    Ok(inputs)
}

/// Returns the directories among `paths` from which [`walk`] takes nothing because all names in
/// them begin with a dot.
pub fn hidden_directories(paths: &[PathBuf]) -> Vec<&Path> {
    let has_hidden = |path: &Path| {
        let mut entries =
            walkdir::WalkDir::new(path).max_depth(limits::DIRECTORY_DEPTH_MAX).into_iter();
        entries.any(|it| it.is_ok_and(|it| it.depth() > 0 && is_hidden(it.file_name())))
    };
    let is_hidden_only = |path: &&Path| {
        let mut inputs = Vec::new();
        if path.as_os_str() != "-" && path.is_dir() {
            walk_directory(path, &mut inputs);
            inputs.is_empty() && has_hidden(path)
        } else {
            false
        }
    };
    paths.iter().map(PathBuf::as_path).filter(is_hidden_only).collect()
}

fn walk_directory(root: &Path, inputs: &mut Vec<Input>) {
    let entries = walkdir::WalkDir::new(root)
        .max_depth(limits::DIRECTORY_DEPTH_MAX)
        // The same order everywhere, whatever order the file system lists.
        .sort_by_file_name()
        .into_iter()
        // A named directory is walked even if its own name begins with a dot.
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()));
    let mut siblings = Siblings::default();
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                let is_test = entry.file_name() == EXPORT_TEST_OBJECT;
                if !is_test && !siblings.is_beside_records(entry.path()) {
                    inputs.push(Input::File(entry.into_path()));
                }
            }
            Ok(entry)
                // walkdir stops at its depth without saying so.
                if entry.file_type().is_dir() && entry.depth() == limits::DIRECTORY_DEPTH_MAX =>
            {
                let path = entry.into_path();
                inputs.push(Input::Problem(SourceError::TooDeep { path }));
            }
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                let source = error.into_io_error().unwrap_or_else(|| io::Error::other("a loop"));
                inputs.push(Input::Problem(SourceError::Walk { path, source }));
            }
        }
    }
}

/// Remembers whether the last directory is a bundle, whose tables are not logs. The walk visits a
/// directory's files one after another, so a manifest is seldom opened twice.
#[derive(Default)]
struct Siblings {
    dir: PathBuf,
    is_bundle: bool,
}

impl Siblings {
    fn is_beside_records(&mut self, path: &Path) -> bool {
        let Some(dir) = path.parent() else { return false };
        if self.dir != dir {
            self.is_bundle = bundle::is_bundle(dir);
            dir.clone_into(&mut self.dir);
        }
        self.is_bundle && path.file_name() != Some(OsStr::new(bundle::BUNDLE_RECORDS))
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().first() == Some(&b'.')
}

/// Returns the log stream named by an S3 export's path: `…/<task id>/<stream>/000000.gz`.
pub(super) fn export_stream(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let extension = path.extension().and_then(OsStr::to_str);
    let is_part = stem.len() == 6 && stem.bytes().all(|byte| byte.is_ascii_digit());
    if !is_part || !matches!(extension, None | Some("gz")) {
        return None;
    }
    let stream = path.parent()?;
    let task = stream.parent()?.file_name()?.to_str()?;
    is_uuid(task).then(|| stream.file_name()?.to_str().map(str::to_owned))?
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(inputs: &[Input], root: &Path) -> Vec<String> {
        let name = |input: &Input| match input {
            Input::Stdin => "-".to_owned(),
            Input::File(path) => {
                path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
            }
            Input::Problem(error) => error.to_string(),
        };
        inputs.iter().map(name).collect()
    }

    #[test]
    fn a_directory_is_walked_in_the_order_of_names_without_links_and_hidden_files() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in ["b/2.json", "b/1.json", "a.json", ".hidden", ".git/x", "aws-logs-write-test"] {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::fs::write(root.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("b/loop")).unwrap();
        std::os::unix::fs::symlink(root.join("a.json"), root.join("link.json")).unwrap();

        let inputs = walk(&[root.to_owned(), root.join("link.json"), "-".into()]).unwrap();
        assert_eq!(names(&inputs, root), ["a.json", "b/1.json", "b/2.json", "link.json", "-"]);
    }

    #[test]
    fn directories_of_hidden_files_alone_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["hidden/.x.json", "deep/inner/.x/y.json", "both/.x.json", "both/x.json"] {
            std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            std::fs::write(path(name), "x").unwrap();
        }
        std::fs::create_dir(path("empty")).unwrap();
        let names = ["hidden", "deep", "both", "empty", "both/x.json"].map(path);
        let paths = [&names[..], &[PathBuf::from("-")]].concat();
        assert_eq!(hidden_directories(&paths), [path("hidden"), path("deep")]);
    }

    #[test]
    fn a_missing_path_is_named() {
        let error = walk(&["/no/such/file".into()]).unwrap_err();
        assert_eq!(error.to_string(), "cannot find /no/such/file");
    }

    #[test]
    fn what_lies_too_deep_is_reported() {
        let directory = tempfile::tempdir().unwrap();
        let mut deep = directory.path().to_owned();
        (0..=limits::DIRECTORY_DEPTH_MAX).for_each(|_| deep.push("d"));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("x.json"), "{}").unwrap();
        let inputs = walk(&[directory.path().to_owned()]).unwrap();
        assert!(
            matches!(inputs.as_slice(), [Input::Problem(SourceError::TooDeep { .. })]),
            "{inputs:?}"
        );
    }

    #[test]
    fn an_exports_path_tells_the_stream() {
        let task = "d4b58d93-4b4c-4f3a-9d6b-0b8a6a0d6a11";
        let check = |path: String, expect: Option<&str>| {
            assert_eq!(export_stream(Path::new(&path)).as_deref(), expect, "{path}");
        };
        check(format!("out/{task}/mail-stream/000000.gz"), Some("mail-stream"));
        check(format!("out/{task}/mail-stream/000012"), Some("mail-stream"));
        check("out/not-a-task/mail-stream/000000.gz".to_owned(), None);
        check(format!("out/{task}/mail-stream/events.gz"), None);
    }
}
