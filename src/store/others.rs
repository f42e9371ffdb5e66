//! Reading the records of a store that are no email events.

use super::audit_index::AuditIndex;
use super::error::StoreError;
use super::index::EventPlace;
use super::reader::Store;

impl Store {
    /// The index of records that are no email events; none if the store has no such records.
    pub(crate) fn audit_index(&self) -> Result<Option<&AuditIndex>, StoreError> {
        if self.audit.get().is_none() {
            let opened = AuditIndex::open(&self.layout, &self.checkpoint)?;
            let _another_was_as_quick = self.audit.set(opened);
        }
        Ok(self.audit.get().and_then(Option::as_ref))
    }

    /// The places of the records of the organization's directory, oldest first; see
    /// `mailtraceDirectory`.
    pub fn directory_records(&self) -> Result<Vec<EventPlace>, StoreError> {
        let Some(audit) = self.audit_index()? else { return Ok(Vec::new()) };
        audit.directory().map_err(audit.failed())
    }
}
