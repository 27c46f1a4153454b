#![doc = include_str!("../README.md")]

mod auth;
mod cache;
#[cfg(feature = "config")]
mod config;
mod deadline;
mod endpoint;
mod flight;
mod replay;
mod store;
mod sync;

pub use enkash_auth_core as core;

#[cfg(feature = "config")]
pub use self::config::{Config, ConfigError};
#[cfg(all(unix, feature = "file"))]
pub use self::store::FileStore;
pub use self::{
    auth::{EnkashAuth, EnkashAuthLayer, ResponseFuture},
    cache::{Status, TokenCache, TokenCacheBuilder, TokenFuture},
    endpoint::{NotSent, TokenEndpoint},
    replay::{Replay, ReplayBody, ReplayFuture, ReplayLayer, ReplayPolicy},
    store::{
        Begin, Edition, Leave, MemoryStore, OnStoreDown, Principal, Standing, StoreFuture,
        StoredToken, Tally, TokenStore,
    },
};

/// Any error, as tower has it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
