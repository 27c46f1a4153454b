//! Tests of what no user of the crate can reach.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod egress;
mod endpoint;
#[path = "../support/sockets.rs"]
pub(crate) mod sockets;
