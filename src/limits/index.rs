//! Bounds of the indexes.

/// Memory for tantivy's indexing threads together, in bytes.
pub const INDEX_MEMORY_BYTES: usize = 256 << 20;

/// Documents of a segment beyond which it is no longer merged.
pub const INDEX_MERGED_DOCUMENTS_MAX: usize = 1_000_000;

/// Segments of about the same size that are merged.
pub const INDEX_MERGED_SEGMENTS_MIN: usize = 8;
