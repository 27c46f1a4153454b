//! What becomes of a request's body: collected when it is small, streamed otherwise.
//!
//! - `proxy_body`: the body as the upstream's client sees it;
//! - `budget`: what may be collected, by all requests together;
//! - `progress`: when the body last moved, for whoever waits for an answer.

mod budget;
mod progress;
mod proxy_body;

pub use self::proxy_body::ProxyBody;
pub(crate) use self::{
    budget::{Budget, Uncollected},
    progress::Progress,
};
