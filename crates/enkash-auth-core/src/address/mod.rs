//! The servers that issue tokens, and the origins that may see them.

mod base_url;
mod environment;
mod origin;

pub use self::{base_url::BaseUrl, environment::Environment, origin::Origin};
