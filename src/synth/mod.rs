//! Synthetic event logs, deterministic by seed, with the truth beside them.
