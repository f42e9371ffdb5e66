//! What IDs are called.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::audit::AuditField;
use crate::directory::Directory;
use crate::limits;
use crate::store::{AuditColumn, Store, StoreError, audit_term};
use crate::time::Timestamp;

/// What IDs are called: by the directory, else by the name that the owner last signed in with. Each
/// is looked up once, for an answer names a few.
pub(super) struct Names<'s> {
    store: &'s Store,
    directory: Option<Arc<Directory>>,
    of_logins: RefCell<HashMap<String, Option<String>>>,
}

impl<'s> Names<'s> {
    pub(super) fn of(store: &'s Store) -> Self {
        Self { store, directory: store.directory(), of_logins: RefCell::default() }
    }

    /// What an ID was called at a time.
    pub(super) fn who(&self, id: &str, at: Timestamp) -> Result<Option<String>, StoreError> {
        let known = self.directory.as_ref().and_then(|it| it.person(id, at));
        if let Some(address) = known.and_then(|it| it.address.clone()) {
            return Ok(Some(address));
        }
        if let Some(name) = self.of_logins.borrow().get(id) {
            return Ok(name.clone());
        }
        let name = self.of_login(id)?;
        let mut of_logins = self.of_logins.borrow_mut();
        if of_logins.len() < limits::TIMELINE_LOGINS_MAX {
            of_logins.insert(id.to_owned(), name.clone());
        }
        Ok(name)
    }

    fn of_login(&self, id: &str) -> Result<Option<String>, StoreError> {
        let Some(audit) = self.store.audit_index()? else { return Ok(None) };
        let mut last: Option<(i64, String)> = None;
        for segment in audit.segments() {
            let term = audit_term(AuditField::UserId, id);
            let mut found =
                segment.with_value(AuditField::UserId, &term).map_err(audit.failed())?;
            found.and(&segment.let_in().map_err(audit.failed())?);
            let names = segment.values(AuditColumn::User).map_err(audit.failed())?;
            for document in found.iter() {
                let ms = segment.time_ms(document);
                let Some(name) = names.get(document) else { continue };
                if last.as_ref().is_none_or(|(before_ms, _)| *before_ms <= ms) {
                    last = Some((ms, name.to_owned()));
                }
            }
        }
        Ok(last.map(|(_, name)| name))
    }
}
