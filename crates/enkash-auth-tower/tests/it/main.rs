//! Black-box tests: the cache and the layer over in-memory services, on tokio's paused clock.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod abandon;
mod accounts;
mod after_fetch;
mod bounds;
mod call_headers;
mod cancel;
mod classifier;
#[cfg(feature = "client")]
#[path = "../support/clock.rs"]
mod clock;
mod compose;
#[cfg(feature = "config")]
mod config;
mod credentials;
mod doubt;
mod dropped;
#[cfg(feature = "client")]
mod egress;
mod error;
mod idle;
mod layer;
#[cfg(feature = "client")]
mod leniency;
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod not_called;
mod origin;
mod policy;
mod profile;
mod readiness;
mod redirect;
mod refresh;
mod rejected;
mod replay;
#[cfg(feature = "retry")]
mod retry;
mod reused_tokens;
mod runtimes;
mod secrets;
#[path = "../support/sockets.rs"]
mod sockets;
mod span;
mod store;
mod storm;
mod support;
mod time;
mod trace;
mod undriven;
mod warm;
