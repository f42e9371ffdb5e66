//! Answers as tables, JSON and CSV, written to any `Write`.
