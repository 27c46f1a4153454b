//! One token for all callers: a snapshot that is read without a lock, and behind it the state, which
//! launches flights.
//!
//! - `snapshot`: the token and until when it may be attached without asking;
//! - `attached`: which token a request carries, and of which cache;
//! - `header`: one handle's own copy of the header;
//! - `refresh_task`: renewal without traffic;
//! - `shared`: the lock, and what is decided under it;
//! - `reload`: where other credentials come from, once these are refused;
//! - `waiting`: a caller that waits for a flight, and a program that waits for the end of all;
//! - `token_cache`, `token_future`, `status`: the public face.

mod attached;
mod header;
mod refresh_task;
mod reload;
mod shared;
mod snapshot;
mod status;
mod token_cache;
mod token_future;
mod waiting;

pub(crate) use self::{attached::Attached, header::HeaderCopy, shared::Shared, waiting::Waiting};
pub use self::{
    status::Status,
    token_cache::{TokenCache, TokenCacheBuilder},
    token_future::TokenFuture,
};
