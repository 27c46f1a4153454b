//! Sidecars as separate processes over one Redis.
#![cfg(unix)]

mod crashes;
mod outage;
mod passwords;
mod replicas;
mod sharing;
