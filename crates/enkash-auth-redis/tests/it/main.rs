//! The store on a real `redis-server`, a separate one for each test.
//!
//! ```sh
//! cargo test -p enkash-auth-redis --all-features -- --include-ignored
//! ```
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod address;
mod burst;
mod clocks;
mod cluster;
mod cost;
mod damage;
mod distance;
mod dump;
mod faults;
mod fifty;
mod fleet;
mod inspection;
mod login;
mod register;
mod replies;
mod sentinel;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;
mod wire;
