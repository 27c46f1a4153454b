//! Caches one token for all callers.
//!
//! A request reads the `snapshot` without a lock, and inserts the `header`; `attached` relates a later 401 to
//! that token. If none may be attached, or a refresh is due, `shared` locks the state and spawns the fetch
//! that it decides on. At most one runs: `fetch_task` makes the attempts of a `fetch`, publishes its result to the
//! snapshot, and wakes the `waiters`, each a `waiting` caller without a token. the `refresher` renews without
//! traffic; a `source` has the credentials, and new ones once these are rejected. `places`
//! limits the token requests in flight of all that is `common` to the accounts of one server. `token_cache`, its `builder` and
//! `token_future` are the public types.

mod attached;
mod builder;
mod common;
mod fetch;
mod fetch_task;
mod header;
mod jitter;
mod places;
mod refresher;
mod shared;
mod snapshot;
mod source;
mod token_cache;
mod token_future;
mod waiters;
mod waiting;

pub use self::{
    attached::Attached, common::Common, header::HeaderCopy, places::Places, shared::Shared,
    source::Source, waiting::Waiting,
};
pub use self::{builder::TokenCacheBuilder, token_cache::TokenCache, token_future::TokenFuture};
