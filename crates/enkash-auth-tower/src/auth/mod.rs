//! Puts a token on every request that may see it.
//!
//! [`EnkashAuthLayer`] makes the `service`, which checks the [`Target`] of an [`AuthRequest`] against the
//! `rules` of the layer. With a cached token it calls the inner service at once; otherwise [`ResponseFuture`]
//! holds a `deferred` one. Errors raised before the inner call carry [`NotCalled`]. After a 401, `replay` makes
//! the call a second time.

mod deferred;
mod future;
mod layer;
mod not_called;
mod replay;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;
mod rules;
mod service;
mod target;

pub use self::{
    future::ResponseFuture,
    layer::EnkashAuthLayer,
    not_called::NotCalled,
    replay::{NoReplay, Replay, ReplayBody, ReplayPolicy, ReplayRequest},
    request::AuthRequest,
    service::EnkashAuth,
    target::Target,
};
