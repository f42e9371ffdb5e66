//! The records that are not email events.

use serde::{Deserialize, Serialize};

use crate::store::archive::ArchivePosition;

/// The number of records in the archive that are not email events, and the end of the last commit
/// that added some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct OtherRecords {
    pub(in crate::store) records: u64,
    pub(in crate::store) file: u32,
    pub(in crate::store) bytes: u64,
}

impl OtherRecords {
    pub(in crate::store) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// A number of records, as of a position in the archive.
    pub(in crate::store) fn at(records: u64, archive: &ArchivePosition) -> Self {
        // Then `is_none` holds, and a store of mail alone needs no such index.
        if records == 0 {
            return Self::default();
        }
        Self { records, file: archive.file, bytes: archive.bytes.unwrap_or(u64::MAX) }
    }
}
