//! Settings from the environment, for programs.

mod error;
mod store;

pub use self::{
    error::SettingError,
    store::{RedisAddress, StoreSetting},
};
