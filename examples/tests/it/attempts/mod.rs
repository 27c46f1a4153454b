//! Attempts, counted by the server: sidecars as processes before a sandbox whose strikes are the
//! judge, over stores and connections that fail.
//!
//! Waits are for conditions and generous; where nothing may happen, a span of real time passes in
//! which it could. A slow machine makes these tests slower, and no more.
#![cfg(unix)]

mod damage;
mod emptied;
mod kept;
mod killed;
mod lost;
mod outage;
mod proxy;
mod race;
mod reset;
mod server;
