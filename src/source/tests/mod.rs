//! Drives reader and decoder together.
