//! Search queries: text to typed query, and typed query to the index.
