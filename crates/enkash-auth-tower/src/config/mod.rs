//! Settings as a file or an environment has them.
//!
//! Each key is that of a file (`client_id`) and, with `ENKASH_` before it and in capitals, that of an
//! environment (`ENKASH_CLIENT_ID`).

mod error;
mod lookup;
mod read;
mod secret;
mod settings;

pub use self::{error::ConfigError, settings::Config};
