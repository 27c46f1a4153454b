//! The state machine against a small model of what it is for, by random events.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod events;
mod machine;
