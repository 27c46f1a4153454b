//! Exchanges requests and responses with the token server, over any HTTP service.
//!
//! A [`TokenEndpoint`], of one account at a [`TokenServer`], makes its requests through an `exchange`, which erases the service: one of the user's,
//! kept `per_runtime` if a factory makes it, or our `https` client. [`NotSent`] proves that a failed attempt
//! cost nothing.

mod body;
mod exchange;
#[cfg(feature = "client")]
mod https;
mod not_sent;
mod per_runtime;
mod token_endpoint;
mod token_server;
mod token_service;

pub use self::exchange::{Exchanged, Failure, IsTokenRequest};
pub use self::not_sent::call_was_not_sent;
pub use self::{
    body::TokenRequestBody, not_sent::NotSent, token_endpoint::TokenEndpoint,
    token_server::TokenServer, token_service::TokenService,
};
