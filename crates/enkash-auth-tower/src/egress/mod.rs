//! The way out: which proxy leads to which host, and which certificates are trusted there.

mod connector;
mod dial;
mod future;
mod no_proxy;
mod proxy;
#[cfg(test)]
#[path = "../../tests/unit/resolver.rs"]
mod resolver;
mod roots;
mod settings;
mod stream;

#[cfg(not(test))]
use hyper_util::client::legacy::connect::dns::GaiResolver as Resolver;

#[cfg(test)]
pub(crate) use self::resolver::Resolver;
pub use self::{
    connector::EgressConnector, future::EgressConnecting, settings::Egress, stream::EgressStream,
};
