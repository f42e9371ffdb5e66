//! Drives the built program as its users do.
