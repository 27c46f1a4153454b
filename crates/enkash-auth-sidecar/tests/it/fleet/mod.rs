//! Sidecars as separate processes over one Redis.
#![cfg(unix)]

mod cluster;
mod crashes;
mod login;
mod outage;
mod passwords;
mod replicas;
mod sentinel;
mod sharing;
mod transport;
