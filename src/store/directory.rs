//! What the archive's records say of who has which address.

use std::sync::Arc;

use super::{Store, StoreError};
use crate::directory::{Directory, DirectoryBuilder, LazyDirectory};

impl Store {
    /// What is known of who has which address; nothing where no directory was taken.
    #[must_use]
    pub fn directory(&self) -> Option<Arc<Directory>> {
        // What cannot be read is told by `verify`, and by whoever asks for events.
        self.directory.get_or_init(|| self.read_directory().ok().flatten()).clone()
    }

    /// The same for whoever may not need it; nothing where the store cannot have one.
    #[must_use]
    pub fn lazy_directory(&self) -> Option<LazyDirectory> {
        let store = (self.checkpoint.other_records() > 0).then(|| self.same());
        store.map(|store| LazyDirectory::new(move || store.directory()))
    }

    fn read_directory(&self) -> Result<Option<Arc<Directory>>, StoreError> {
        let places = self.directory_records()?;
        let mut builder = DirectoryBuilder::default();
        let mut reader = self.events();
        let mut is_any = false;
        for place in places {
            let record = reader.record(place.location)?;
            is_any |= builder.add(record.timestamp, &record.message);
        }
        Ok(is_any.then(|| Arc::new(builder.build())))
    }
}
