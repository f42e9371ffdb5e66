//! A directory that is read only when it is needed.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::Directory;

/// A directory that is read when it is first asked. Most mail has an event for each recipient, and
/// so needs none.
#[derive(Clone)]
pub struct LazyDirectory(Arc<LazySource>);

struct LazySource {
    known: OnceLock<Option<Arc<Directory>>>,
    read: Box<dyn Fn() -> Option<Arc<Directory>> + Send + Sync>,
}

impl LazyDirectory {
    /// Takes the function that reads it, which is called once at most.
    pub fn new(read: impl Fn() -> Option<Arc<Directory>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(LazySource { known: OnceLock::new(), read: Box::new(read) }))
    }

    /// The directory, read if necessary; `None` if there is none.
    pub fn get(&self) -> Option<&Directory> {
        self.0.known.get_or_init(|| (self.0.read)()).as_deref()
    }
}

impl From<Arc<Directory>> for LazyDirectory {
    fn from(directory: Arc<Directory>) -> Self {
        Self::new(move || Some(Arc::clone(&directory)))
    }
}

impl fmt::Debug for LazyDirectory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LazyDirectory").finish_non_exhaustive()
    }
}
