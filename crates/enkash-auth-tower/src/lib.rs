#![doc = include_str!("../README.md")]

mod auth;
mod cache;
mod deadline;
mod endpoint;
mod flight;
mod replay;
mod sync;

pub use enkash_auth_core as core;

pub use self::{
    auth::{EnkashAuth, EnkashAuthLayer, ResponseFuture},
    cache::{Status, TokenCache, TokenCacheBuilder, TokenFuture},
    endpoint::{NotSent, TokenEndpoint},
    replay::{Replay, ReplayBody, ReplayFuture, ReplayLayer, ReplayPolicy},
};

/// Any error, as tower has it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
