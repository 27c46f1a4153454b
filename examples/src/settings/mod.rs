//! Settings from the environment, for programs.

mod error;
mod read;

pub use self::{error::SettingError, read::Settings};
