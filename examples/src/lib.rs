//! Shared code of the example programs.

#[cfg(doctest)]
mod guide;
mod one_line;
mod redis_server;
mod settings;

pub use self::{
    one_line::one_line,
    redis_server::RedisServer,
    settings::{OpenStore, RedisAddress, SettingError, StoreSetting},
};

/// Compiles the README at the root.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
