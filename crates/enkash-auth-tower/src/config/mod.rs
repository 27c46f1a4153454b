//! Reads settings from a file or an environment.
//!
//! Each key is that of a file (`client_id`) and, in capitals after `ENKASH_`, that of an environment
//! (`ENKASH_CLIENT_ID`), which `lookup` reads. [`Config`] deserializes them with `read`; `secret` reads the
//! files that hold secrets. A [`ConfigError`] names the key.

mod error;
mod lookup;
mod read;
mod secret;
mod settings;

pub use self::{error::ConfigError, read::duration_or_never, settings::Config};
