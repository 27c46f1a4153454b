//! Puts a token on every request that may see it.
//!
//! [`EnkashAuthLayer`] makes the `service`, for one `account` or for many, which checks the [`Target`] of an
//! [`AuthRequest`] against the `rules` of the layer, which its `handle` refers to. With a cached token it calls the
//! inner service at once; otherwise, and while an API has rejected a token of late, [`ResponseFuture`] holds a
//! `watched` call. What a response says about the token is decided by the `challenge`s of a 401 and each
//! [`Classifier`], such as the `profile`. Errors raised before the inner call carry [`NotCalled`]. After a rejected
//! token, `replay` makes the call a second time.

mod account;
mod body;
mod challenge;
mod classifier;
mod future;
mod handle;
mod layer;
mod not_called;
mod profile;
mod replay;
mod request;
mod request_view;
#[cfg(feature = "reqwest")]
mod reqwest;
mod rules;
mod service;
mod target;
mod watched;

pub use self::{
    account::{OneAccount, PerAccount, SelectAccount},
    body::ResponseBody,
    classifier::{Classifier, Evidence, Seen},
    future::ResponseFuture,
    layer::EnkashAuthLayer,
    not_called::NotCalled,
    profile::EnkashProfile,
    replay::{NoReplay, Replay, ReplayBody, ReplayPolicy, ReplayRequest},
    request::AuthRequest,
    request_view::RequestView,
    service::EnkashAuth,
    target::Target,
};
use self::{
    classifier::Classifiers,
    request::sealed::Head,
    watched::{Looked, Watched},
};
