//! The directory in the archive's records: who has which address.

use std::sync::Arc;

use super::audit_index::AuditIndex;
use super::error::StoreError;
use super::reader::Store;
use crate::directory::{Directory, DirectoryBuilder, LazyDirectory};

impl Store {
    /// The organization's directory; none where none was ever taken.
    pub fn directory(&self) -> Option<Arc<Directory>> {
        // An unreadable one counts as none: `verify`, and any question about its events, reports
        // it.
        self.directory.get_or_init(|| self.read_directory().ok().flatten()).clone()
    }

    /// The directory, read only when it is needed; none where the store cannot have one.
    pub fn lazy_directory(&self) -> Option<LazyDirectory> {
        let store = (self.checkpoint.other_records() > 0).then(|| self.same());
        store.map(|store| LazyDirectory::new(move || store.directory()))
    }

    fn read_directory(&self) -> Result<Option<Arc<Directory>>, StoreError> {
        // Without this, each trace would open all segments of a large index to find nothing.
        if AuditIndex::lacks_directory(&self.layout, &self.checkpoint) {
            return Ok(None);
        }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::audit::OtherRecord;
    use crate::source::Record;

    use crate::store::{MessageContent, StoreWriter, reindex};
    use crate::time::Timestamp;

    fn add(path: &Path, message: &str) {
        let mut writer = StoreWriter::open_or_create(path).unwrap();
        let mut preparer = writer.preparers().preparer();
        let record = Record {
            log_group: None,
            log_stream: None,
            event_id: None,
            timestamp: Timestamp::UNIX_EPOCH,
            is_time_approximate: false,
            ingestion_time: None,
            message: message.into(),
        };
        let other = OtherRecord::parse(message).unwrap();
        preparer.take(None, &record, None, &MessageContent::Other(&other));
        writer.append(vec![preparer.finish().unwrap()]).unwrap();
        writer.commit().unwrap();
        writer.close().unwrap();
    }

    fn is_looked_for(path: &Path) -> bool {
        let store = Store::open(path).unwrap();
        let directory = store.lazy_directory();
        let _unused = directory.as_ref().and_then(LazyDirectory::get);
        store.audit.get().is_some()
    }

    #[test]
    fn a_directory_is_looked_for_where_the_audit_index_may_have_one() {
        let audit = |user: &str| {
            format!(
                r#"{{"organization_arn":"arn:aws:workmail:eu-west-1:1:organization/m-1","user":"{user}"}}"#
            )
        };
        let dir = tempfile::tempdir().unwrap();
        add(dir.path(), &audit("a"));
        add(dir.path(), &audit("b"));
        assert!(!is_looked_for(dir.path()));
        add(dir.path(), r#"{"mailtraceDirectory":1}"#);
        add(dir.path(), &audit("c"));
        assert!(is_looked_for(dir.path()));
        reindex(dir.path()).unwrap();
        assert!(is_looked_for(dir.path()));
    }
}
