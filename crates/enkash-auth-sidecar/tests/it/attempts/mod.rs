//! Attempts as counted by the server: sidecars as processes before a sandbox that counts strikes, over
//! failing stores and connections.
//!
//! Tests wait for conditions, generously; to check that nothing happens, they wait in real time. On a
//! slow machine these tests are slower, but do not fail.
#![cfg(unix)]

mod damage;
mod dropped_responses;
mod emptied;
mod fifty;
mod kept;
mod killed;
mod outage;
mod proxy;
mod race;
mod reset;
mod server;
