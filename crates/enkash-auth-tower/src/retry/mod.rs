//! A call that failed for want of a token, made again when there may be one.

mod pause;
mod policy;
#[cfg(feature = "reqwest")]
mod reqwest;

pub use self::{pause::RetryPause, policy::TokenRetry};
