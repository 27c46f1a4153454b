//! The state machine against a reference model, by random events.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod events;
mod machine;
