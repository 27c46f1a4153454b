//! A call whose token was refused, sent once more with another one.
//!
//! Only where the first provably did nothing: the method is idempotent, or the resource server says
//! that it refused the token before it acted.

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
