//! What the example programs share.

#[cfg(doctest)]
mod guide;
mod redis_server;
mod settings;

pub use self::redis_server::RedisServer;
pub use self::settings::{RedisAddress, SettingError, StoreSetting};

/// Compiles the README at the root.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
