//! Tests of what no user of the crate can reach. Those beside this file that it does not name are of one
//! module, which has them by path.

mod egress;
mod endpoint;
#[path = "../support/sockets.rs"]
pub(crate) mod sockets;
