//! The program `enkash-sidecar` as a process before a sandbox, over HTTP. It logs at TRACE: the log must
//! not contain a secret or token, see `Stage::finish`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[cfg(unix)]
mod accounts;
mod admin;
mod attempts;
mod boundary;
mod caller_key;
mod callers;
mod check;
mod clients;
mod connection_limit;
mod damage;
mod downloads;
mod egress;
mod faults;
mod fleet;
mod guard;
mod host;
mod issuer;
mod lifetimes;
mod one_token;
mod page;
mod parsing;
mod probes;
#[path = "../support/process.rs"]
mod process;
mod products;
#[path = "../support/redis_server.rs"]
mod redis_server;
#[expect(dead_code, reason = "not all of it is needed here")]
#[path = "../../../enkash-auth-redis/tests/support/mod.rs"]
mod redis_servers;
mod rejection;
mod requests;
mod secret_files;
mod seen;
mod settings;
mod stage;
mod stop;
mod stop_under_load;
mod store;
mod streams;
mod timeouts;
mod unix_socket;
