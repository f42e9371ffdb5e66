//! Opening an index, to read or to write it.

use tantivy::Index;

use super::columns;
use super::directory::IndexDirectory;
use super::schema::Fields;
use super::tokens;

/// Opens the index in a directory.
pub(super) fn open(directory: IndexDirectory) -> Result<Index, tantivy::TantivyError> {
    let mut index = Index::open(directory)?;
    tokens::register(index.tokenizers());
    index.register_plugin(columns::plugin());
    if index.schema() != Fields::schema() {
        return Err(tantivy::TantivyError::SchemaError("its fields differ".to_owned()));
    }
    Ok(index)
}
