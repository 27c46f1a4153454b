//! Where tokens come from, and where they may go.

mod base_url;
mod environment;
mod origin;

pub use self::{base_url::BaseUrl, environment::Environment, origin::Origin};
