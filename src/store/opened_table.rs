//! The table that an open store answers from: the one that its commits maintain, or a temporary one
//! that lasts as long as the store is open.

use std::io::ErrorKind;
use std::sync::PoisonError;

use super::error::StoreError;
use super::layout::Layout;
use super::message_table::{HeldTable, MessageTable, TableWriter};
use super::reader::Store;
use crate::temporary::TemporaryDirectory;

/// The prefix of the names of temporary tables' directories.
const TEMPORARY_PREFIX: &str = "mailtrace-messages-";

/// Makes the entries of the messages that a commit touches.
pub(crate) trait Upkeep: Send {
    /// Brings the table up to the commit at which `store` is open.
    fn keep(&self, store: &Store, table: &mut TableWriter) -> Result<(), StoreError>;
}

impl Store {
    /// The message table, if there is one as of this commit.
    pub(crate) fn message_table(&self) -> Option<&MessageTable> {
        let tables = &self.tables;
        tables.kept.get_or_init(|| tables.held.as_ref().and_then(HeldTable::open)).as_ref()
    }

    /// True if a question about many messages would have to make a temporary message table.
    pub fn lacks_message_table(&self) -> bool {
        self.checkpoint.mail_records() > 0 && self.message_table().is_none()
    }

    /// The message table as of this commit, or else a temporary one, which takes as long to make as
    /// an import's table does and goes with the store.
    pub(crate) fn message_table_by(
        &self,
        upkeep: &dyn Upkeep,
    ) -> Result<&MessageTable, StoreError> {
        if let Some(kept) = self.message_table() {
            return Ok(kept);
        }
        let tables = &self.tables;
        // A thread that panicked while making a table has left none. Without this lock, every
        // thread that asks meanwhile would make one.
        let _making = tables.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = tables.temporary.get() {
            return Ok(made);
        }
        let made = match self.checkpoint.mail_records() {
            0 => MessageTable::empty(self.path()),
            _ => self.make_temporary_table(upkeep)?,
        };
        Ok(tables.temporary.get_or_init(|| made))
    }

    /// Runs `notice` before a temporary message table is made, which may take minutes. Only the
    /// first notice given counts.
    pub fn before_temporary_table(&self, notice: impl Fn() + Send + Sync + 'static) {
        let _known = self.tables.notice.set(Box::new(notice));
    }

    fn make_temporary_table(&self, upkeep: &dyn Upkeep) -> Result<MessageTable, StoreError> {
        if let Some(notice) = self.tables.notice.get() {
            notice();
        }
        let parent = std::env::temp_dir();
        let dir = TemporaryDirectory::make(&parent, TEMPORARY_PREFIX)
            .map_err(StoreError::io("create a temporary message table in", &parent))?;
        let layout = Layout::new(dir.path());
        let mut writer = TableWriter::open(&layout, &self.checkpoint)?;
        upkeep.keep(self, &mut writer)?;
        writer.prepare(&self.checkpoint)?;
        writer.publish()?;
        writer.finish()?;
        // All of its files are mapped: they last as long as the store, although their names go now.
        let made = HeldTable::find(&layout, &self.checkpoint).and_then(|it| it.open());
        made.ok_or_else(|| StoreError::io("read", dir.path())(ErrorKind::InvalidData.into()))
    }
}
