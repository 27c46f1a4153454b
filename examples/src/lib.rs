//! What the example programs share.

mod settings;

pub use self::settings::{SettingError, StoreSetting};

/// Compiles the README at the root.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
