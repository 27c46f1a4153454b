//! The servers that issue tokens, and the origins that may see them.

mod base_url;
mod origin;

pub use self::{
    base_url::BaseUrl,
    origin::{Origin, parsed},
};
