//! The state machine and the strike budget against small models of what they are for, by random events.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod budget;
mod events;
mod machine;
