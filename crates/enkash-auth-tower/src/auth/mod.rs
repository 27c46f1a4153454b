//! The middleware: a token on every request that may see it.

mod deferred;
mod future;
mod layer;
mod not_called;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;
mod rules;
mod service;
mod target;

pub(crate) use self::{deferred::Deferred, future::finish, request::sealed};
pub use self::{
    future::ResponseFuture, layer::EnkashAuthLayer, not_called::NotCalled, request::AuthRequest,
    service::EnkashAuth, target::Target,
};
