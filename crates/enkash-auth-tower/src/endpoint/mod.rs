//! One exchange with the token server, over any HTTP service.

mod exchange;
#[cfg(feature = "client")]
mod https;
mod not_sent;
mod per_runtime;
mod token_endpoint;

pub(crate) use self::exchange::{Exchanged, Failure, IsTokenRequest};
pub(crate) use self::not_sent::call_was_not_sent;
pub use self::{not_sent::NotSent, token_endpoint::TokenEndpoint};
