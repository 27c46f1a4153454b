//! Replays an unauthorized call with another token.
//!
//! [`ReplayPolicy`] allows it only if the first call provably did nothing: the method is idempotent, or the
//! `challenge` of the resource server reports an invalid token. [`Replay`] copies the request, if its
//! [`ReplayBody`] can be sent twice; [`ReplayFuture`] waits for the other token and makes the second call.

mod body;
mod challenge;
mod future;
mod policy;
#[cfg(feature = "reqwest")]
mod reqwest;
mod service;

#[cfg(feature = "retry")]
pub(crate) use self::body::try_clone;
pub use self::{
    body::ReplayBody,
    future::ReplayFuture,
    policy::ReplayPolicy,
    service::{Replay, ReplayLayer},
};
