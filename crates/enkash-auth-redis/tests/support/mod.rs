//! Redis servers on loopback, which tests start, kill and reconfigure. The tests of the sidecar use them, too.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

pub(crate) mod certified;
pub(crate) mod cluster;
pub(crate) mod sentinels;
pub(crate) mod server;
pub(crate) mod soon;
