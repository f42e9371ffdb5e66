//! Things that must not outlive the process: directories with mail addresses in them, and what a
//! cluster holds for us.

use std::fs::remove_dir_all;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::cli::signals::{EXIT_INTERRUPTED, on_stop};

/// Directories to remove and things to release when the user or the system stops us.
#[derive(Clone, Default)]
pub(crate) struct Leftovers(Arc<Mutex<Left>>);

#[derive(Default)]
struct Left {
    dirs: Vec<PathBuf>,
    releases: Vec<Box<dyn FnMut() + Send>>,
    is_watched: bool,
}

impl Leftovers {
    /// Has a directory removed when we are stopped.
    pub(crate) fn add(&self, dir: &Path) -> anyhow::Result<()> {
        self.take(|it| it.dirs.push(dir.to_owned()))
    }

    /// Has something released when we are stopped.
    #[cfg(feature = "aws")]
    pub(crate) fn add_release(&self, release: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
        self.take(|it| it.releases.push(Box::new(release)))
    }

    fn take(&self, add: impl FnOnce(&mut Left)) -> anyhow::Result<()> {
        let Ok(mut left) = self.0.lock() else { return Ok(()) };
        add(&mut left);
        // One watcher, started when there is first something to watch for.
        if std::mem::replace(&mut left.is_watched, true) { Ok(()) } else { self.watch() }
    }

    fn watch(&self) -> anyhow::Result<()> {
        let left = Arc::clone(&self.0);
        on_stop(move || {
            if let Ok(mut left) = left.lock() {
                left.dirs.iter().for_each(|it| remove(it));
                left.releases.iter_mut().for_each(|release| release());
            }
            // Destructors do not run here, so the directories had to be removed above.
            std::process::exit(EXIT_INTERRUPTED);
        })
    }
}

/// Removes a directory. Threads that still write may create a file in it meanwhile, hence the
/// repetition.
fn remove(dir: &Path) {
    for _ in 0..REMOVALS_MAX {
        if remove_dir_all(dir).is_ok() || !dir.exists() {
            break;
        }
    }
}

/// The most attempts to remove a directory in use.
const REMOVALS_MAX: usize = 100;
