//! The way to the upstream, below the token layer: an HTTP client, and how long it may take.

mod answer_body;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod https;
mod lost;
mod patience;

#[cfg(feature = "client")]
pub(crate) use self::client::Client;
pub(crate) use self::{lost::Lost, patience::Patience};
