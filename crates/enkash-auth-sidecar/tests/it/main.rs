//! The program `enkash-sidecar` as a process before a sandbox, over HTTP. It logs at TRACE: the log must
//! not contain a secret or token, see `Stage::finish`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod attempts;
mod boundary;
mod check;
mod connection_limit;
mod damage;
mod egress;
mod faults;
mod fleet;
mod guard;
mod host;
mod issuer;
mod lifetimes;
mod one_token;
mod probes;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod rejection;
mod requests;
mod secret_files;
mod settings;
mod stage;
mod stop;
mod store;
mod streams;
