//! The table that an open store answers from: the one that its commits maintain, or a temporary one
//! that lasts as long as the store is open.

use std::sync::{Mutex, OnceLock};

use super::reader::{HeldTable, MessageTable};

/// The tables of one open store, opened on first use.
#[derive(Default)]
pub(in crate::store) struct OpenTables {
    pub(in crate::store) held: Option<HeldTable>,
    pub(in crate::store) kept: OnceLock<Option<MessageTable>>,
    pub(in crate::store) temporary: OnceLock<MessageTable>,
    /// Held while a temporary table is made: other threads wait for it.
    pub(in crate::store) making: Mutex<()>,
    pub(in crate::store) notice: OnceLock<Notice>,
}

/// The action to run before a temporary table is made.
type Notice = Box<dyn Fn() + Send + Sync>;

impl OpenTables {
    /// The tables of a store that was opened with its table held.
    pub(in crate::store) fn holding(held: Option<HeldTable>) -> Self {
        Self { held, ..Self::default() }
    }
}
