//! Settings from the environment, for programs.

mod error;
mod open;
mod store;

pub use self::{
    error::SettingError,
    open::OpenStore,
    store::{RedisAddress, StoreSetting},
};
