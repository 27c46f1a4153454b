//! A canary for secrets: each test creates unique secrets, drives the libraries over sockets with them,
//! and checks that no output contains them in any encoding.
//!
//! Each of these sinks was verified by planting a leak, and the tests failed; none was planted in file
//! names, keys of Redis and the sidecar's responses:
//!
//! - `Debug`: the token under `{:?}` of `Bearer`; `sealed` and `files`, `values` and `commands` (of
//!   Redis): the token after the output of `Credentials::seal`.
//! - `error`, `document` and `printed` (by the sidecar): the server's text, unfiltered, in the text of
//!   an error, and in its source alone.
//! - `log`: the body of a token request, at TRACE; headers that are not marked sensitive, through a
//!   client that logs or panics with them.
//! - `metrics`: the `Authorization` header of a token request as a label.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod fetches;
mod lifecycle;
mod markers;
mod panics;
#[expect(dead_code, reason = "not all of it is needed here")]
#[path = "../support/process.rs"]
mod process;
#[expect(dead_code, reason = "not all of it is needed here")]
#[path = "../support/redis_server.rs"]
mod redis_server;
mod responses;
mod server;
mod settings;
mod sidecar;
mod sinks;
mod stage;
mod stores;
mod types;
