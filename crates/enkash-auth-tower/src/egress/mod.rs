//! The way out: which proxy leads to which host, and which certificates are trusted there.

mod connector;
mod dial;
mod env;
mod error;
mod future;
mod no_proxy;
mod proxy;
mod roots;
mod settings;
mod stream;

pub use self::{
    connector::EgressConnector, future::EgressConnecting, settings::Egress, stream::EgressStream,
};
