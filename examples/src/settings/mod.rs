//! Settings from the environment, for programs.

mod error;
mod read;
mod store;

pub use self::{error::SettingError, read::Settings, store::StoreSetting};
