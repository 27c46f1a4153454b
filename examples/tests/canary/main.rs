//! A canary for secrets: each test makes up secrets that nothing else looks like, drives the libraries
//! over sockets with them, and finds none in what can be seen from outside.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod answers;
mod fetches;
mod lives;
mod markers;
mod panics;
mod server;
mod settings;
mod sidecar;
mod sinks;
mod stage;
mod stores;
mod types;
