//! The pipeline from sources to the store.
