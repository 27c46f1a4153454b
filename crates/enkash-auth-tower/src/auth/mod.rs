//! The middleware: a token on every request that may see it.

mod future;
mod layer;
mod rules;
mod service;
mod slow;

pub use self::{future::ResponseFuture, layer::EnkashAuthLayer, service::EnkashAuth};
