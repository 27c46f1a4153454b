//! The rules of attempts, checked exhaustively: see `docs/attempts-model.md`.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod action;
mod check;
mod configurations;
mod history;
mod model;
mod operator;
mod progress;
mod protocol;
mod rules;
mod server;
mod world;
