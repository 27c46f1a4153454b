//! The rules of attempts, checked exhaustively: see `docs/attempts-model.md`.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod check;
mod configurations;
mod history;
mod model;
mod progress;
mod protocol;
mod rules;
mod world;
