#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod link;
mod store;
mod target;

pub use self::store::RedisStore;
