//! What must not outlive the process: directories with mail addresses in them.

use std::fs::remove_dir_all;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::EXIT_INTERRUPTED;
use super::signals::on_stop;

/// Directories that go when the user or the system stops us.
#[derive(Clone, Default)]
pub(super) struct Leftovers(Arc<Mutex<Vec<PathBuf>>>);

impl Leftovers {
    /// Has a directory removed when we are stopped.
    pub(super) fn add(&self, dir: &Path) -> anyhow::Result<()> {
        let Ok(mut dirs) = self.0.lock() else { return Ok(()) };
        dirs.push(dir.to_owned());
        if dirs.len() == 1 { self.watch() } else { Ok(()) }
    }

    fn watch(&self) -> anyhow::Result<()> {
        let dirs = Arc::clone(&self.0);
        on_stop(move || {
            for dir in dirs.lock().iter().flat_map(|it| it.iter()) {
                remove(dir);
            }
            std::process::exit(EXIT_INTERRUPTED);
        })
    }
}

/// Removes a directory. Threads that still write may make a file while it goes: once more, then.
fn remove(dir: &Path) {
    for _ in 0..REMOVALS_MAX {
        if remove_dir_all(dir).is_ok() || !dir.exists() {
            break;
        }
    }
}

/// How often the removal of a directory in use is tried.
const REMOVALS_MAX: usize = 100;
