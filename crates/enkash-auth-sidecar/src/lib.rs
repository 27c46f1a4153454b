//! The settings of the program `enkash-sidecar`.

mod one_line;
mod settings;

pub use self::{
    one_line::one_line,
    settings::{OpenStore, RedisAddress, SettingError, StoreSetting},
};
