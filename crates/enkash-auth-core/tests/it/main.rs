//! Black-box tests: one file for each part of the crate.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod account;
mod address;
mod lifetime;
mod request;
mod response;
mod schedule;
mod seal;
mod state;
mod support;
mod time;
mod token;
mod token_path;
