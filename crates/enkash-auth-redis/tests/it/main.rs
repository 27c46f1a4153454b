//! The store on a real `redis-server`, one of its own for each test. Where there is none, each test
//! says so and passes, unless `ENKASH_REQUIRE_REDIS=1`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod atomic;
mod clocks;
mod conformance;
mod cost;
mod damage;
mod dump;
mod faults;
mod fleet;
mod late;
mod server;
#[cfg(feature = "tls")]
mod tls;
mod wire;
