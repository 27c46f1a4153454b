//! A canary for secrets: each test makes up secrets that nothing else looks like, drives the libraries
//! over sockets with them, and finds none in what can be seen from outside, however it is written.
//!
//! That these sinks are looked at was seen by planting a leak in each, and all went red; none was planted
//! in names of files, keys of Redis and what the sidecar answers with:
//!
//! - `Debug`: the token under `{:?}` of `Bearer`; `sealed` and `files`, `values` and `commands` (of
//!   Redis): the token behind what `Credentials::seal` returns.
//! - `error`, `document` and `printed` (by the sidecar): the server's words, unfiltered, in the text of
//!   an error, and in its source alone.
//! - `log`: the body of a token request, at TRACE; headers that are not marked sensitive, by way of a
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
