#![doc = include_str!("../README.md")]

mod auth;
mod cache;
mod deadline;
mod endpoint;
mod flight;
mod sync;

pub use enkash_auth_core as core;

pub use self::{
    auth::{EnkashAuth, EnkashAuthLayer, ResponseFuture},
    cache::{Status, TokenCache, TokenCacheBuilder, TokenFuture},
    endpoint::{NotSent, TokenEndpoint},
};

/// Any error, as tower has it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
