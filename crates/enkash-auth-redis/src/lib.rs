#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod link;
mod store;
mod target;

pub use enkash_auth_tower as tower;

pub use self::store::RedisStore;
