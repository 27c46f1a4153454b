//! Black-box tests: the cache and the layer over in-memory services, on tokio's paused clock.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod abandon;
mod bounds;
mod cancel;
mod layer;
mod log;
mod origin;
mod readiness;
mod refusal;
mod renewal;
mod replay;
mod runtimes;
mod secrets;
mod sticky;
mod storm;
mod support;
mod time;
mod undriven;
mod warm;
