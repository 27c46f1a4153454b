//! Tests of internals. The files beside this one that it does not name belong to one module each, which
//! includes them by path.

mod egress;
mod endpoint;
#[cfg(target_os = "linux")]
mod silent;
#[path = "../support/sockets.rs"]
pub(crate) mod sockets;
