//! The issuer over HTTP.

mod api;
mod control;
mod fault;
mod response;
mod router;
mod service;
mod token;

pub use self::router::router;
pub use self::service::{Disconnected, SandboxService};
