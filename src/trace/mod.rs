//! What happened to a message: legs, the join, outcomes.
