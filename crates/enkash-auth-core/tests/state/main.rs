//! The life of a token, event by event.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod change;
mod flights;
mod life;
mod tokens;
