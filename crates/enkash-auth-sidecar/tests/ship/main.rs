//! What is shipped beside the crates, as it is used: the programs of `docs/other-languages.md`, and `deploy`.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod binary;
mod languages;
mod manifests;
#[expect(dead_code, reason = "not all of it is needed here")]
#[path = "../support/process.rs"]
mod process;
mod reload;
mod stage;
mod unit;
