//! Caches one token for all callers.
//!
//! A request reads the `snapshot` without a lock, and inserts the `header`; `attached` relates a later 401 to
//! that token. If none may be attached, or a refresh is due, `shared` locks `inner`, the state, and spawns the fetch
//! that it decides on. At most one runs: `fetch_task` makes the attempts of a `fetch`, publishes its result to the
//! snapshot, and wakes the `waiters`, each a `waiting` caller without a token; what it has taken is `fetching`.
//! What needs no lock is `usage`.
//!
//! What the accounts of one server share is `common`, made of `settings`: `places` limits the token requests in flight,
//! the `refresher` renews without traffic, `jitter` spreads that, and `reuse` predicts when it is in vain. A `source`
//! has the credentials, and new ones once these are rejected. `token_cache`, its `builder` and `token_future` are the
//! public types.

mod attached;
mod builder;
mod common;
mod fetch;
mod fetch_task;
mod fetching;
mod header;
mod inner;
mod jitter;
mod places;
mod refresher;
mod reuse;
mod settings;
mod shared;
mod snapshot;
mod source;
mod token_cache;
mod token_future;
mod usage;
mod waiters;
mod waiting;

pub(crate) use self::settings::setters;
pub use self::{
    attached::Attached,
    common::Common,
    header::{HeaderCopy, HeaderSlot},
    settings::Settings,
    shared::Shared,
    source::Source,
    waiting::Waiting,
};
pub use self::{builder::TokenCacheBuilder, token_cache::TokenCache, token_future::TokenFuture};
