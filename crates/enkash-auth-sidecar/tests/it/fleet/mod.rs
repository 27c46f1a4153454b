//! Sidecars as separate processes over one Redis. If no `redis-server` is installed, each test prints
//! that and passes, unless `ENKASH_REQUIRE_REDIS=1`.
#![cfg(unix)]

mod crashes;
mod outage;
mod passwords;
mod replicas;
mod sharing;
