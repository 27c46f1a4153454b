//! Black-box tests: each file holds what one part of the crate promises.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod account;
mod address;
mod answer;
mod error;
mod ledger;
mod lifetime;
mod request;
mod schedule;
mod seal;
mod state;
mod strikes;
mod support;
mod time;
mod token;
