//! Caches one token for all callers.
//!
//! A request reads the `snapshot` without a lock, and inserts the `header`; `attached` relates a later 401 to
//! that token. If none may be attached, or a refresh is due, `shared` locks the state and spawns the fetch
//! that it decides on. At most one runs: `fetch_task` makes the attempts of a `fetch`, publishes its result to the
//! snapshot, and wakes the `waiters`, each a `waiting` caller without a token. `refresh_task` renews without
//! traffic; `reload` reads new credentials once these are rejected. `token_cache`, its `builder` and
//! `token_future` are the public types.

mod attached;
mod builder;
mod fetch;
mod fetch_task;
mod header;
mod refresh_task;
mod reload;
mod shared;
mod snapshot;
mod token_cache;
mod token_future;
mod waiters;
mod waiting;

pub use self::{attached::Attached, header::HeaderCopy, shared::Shared, waiting::Waiting};
pub use self::{builder::TokenCacheBuilder, token_cache::TokenCache, token_future::TokenFuture};
