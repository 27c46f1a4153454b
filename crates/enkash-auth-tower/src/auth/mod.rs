//! Puts a token on every request that may see it.
//!
//! [`EnkashAuthLayer`] makes the `service`, which checks the [`Target`] of an [`AuthRequest`] against the
//! `rules` of the layer. With a cached token it calls the inner service at once; otherwise [`ResponseFuture`]
//! holds a `deferred` one. Errors raised before the inner call carry [`NotCalled`].

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

pub use self::{deferred::Deferred, future::finish, request::sealed};
pub use self::{
    future::ResponseFuture, layer::EnkashAuthLayer, not_called::NotCalled, request::AuthRequest,
    service::EnkashAuth, target::Target,
};
