//! The authenticating reverse proxy.
//!
//! A request is refused or rewritten here, gets its token from the layer below, and leaves through
//! the upstream's client. What comes back is rewritten too; what fails is a [`Problem`](crate::Problem).

mod builder;
mod hop_by_hop;
mod refuse;
mod rewrite;
mod service;
mod target;

pub use self::{builder::ProxyBuilder, service::Proxy};
