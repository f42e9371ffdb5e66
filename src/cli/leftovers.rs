//! What must not outlive the process: directories with mail addresses in them, and what others hold
//! for us.

use std::fs::remove_dir_all;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::cli::signals::{EXIT_INTERRUPTED, on_stop};

/// Directories that go, and what is let go, when the user or the system stops us.
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

    /// Has something let go when we are stopped.
    #[cfg(feature = "aws")]
    pub(crate) fn add_release(&self, release: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
        self.take(|it| it.releases.push(Box::new(release)))
    }

    fn take(&self, add: impl FnOnce(&mut Left)) -> anyhow::Result<()> {
        let Ok(mut left) = self.0.lock() else { return Ok(()) };
        add(&mut left);
        if std::mem::replace(&mut left.is_watched, true) { Ok(()) } else { self.watch() }
    }

    fn watch(&self) -> anyhow::Result<()> {
        let left = Arc::clone(&self.0);
        on_stop(move || {
            if let Ok(mut left) = left.lock() {
                left.dirs.iter().for_each(|it| remove(it));
                left.releases.iter_mut().for_each(|release| release());
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
