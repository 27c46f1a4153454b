//! The program `enkash-sidecar` as a process before a sandbox, over HTTP. It logs at TRACE: the log must
//! not contain a secret or token, see `Stage::finish`.

mod boundary;
mod check;
mod connection_limit;
mod damage;
mod egress;
mod faults;
mod guard;
pub(crate) mod host;
mod lifetimes;
mod one_token;
mod probes;
pub(crate) mod process;
mod rejection;
pub(crate) mod requests;
mod secret_files;
mod settings;
pub(crate) mod stage;
mod stop;
mod store;
mod streams;
