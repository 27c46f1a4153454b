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
mod cost;
mod damage;
mod dump;
mod faults;
mod fleet;
mod register;
mod replies;
mod server;
#[cfg(feature = "tls")]
mod tls;
mod wire;
