#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod inspection;
mod link;
mod node;
mod store;
mod target;
#[cfg(feature = "tls")]
mod tls;

pub use self::{inspection::Inspection, store::RedisStore};
