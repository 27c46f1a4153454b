//! The proxy and the handlers through the public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod accounts;
mod app;
mod bodies;
mod dropped;
mod echo;
mod failures;
mod forwarding;
mod health;
mod hostile;
mod placeholder;
mod reuse;
mod support;
mod wire;
