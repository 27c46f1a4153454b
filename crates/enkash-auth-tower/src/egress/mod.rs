//! Connects to EnKash's servers, through a proxy if one is set.
//!
//! [`Egress`] holds the `proxy`, the hosts that need none (`no_proxy`) and the trusted `roots`. An
//! [`EgressConnector`] opens a connection or a tunnel (`dial`), and TLS over it. Clients over it are `lenient`.

mod connector;
mod dial;
mod future;
pub mod lenient;
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
pub use self::resolver::Resolver;
pub use self::{
    connector::EgressConnector,
    future::EgressConnecting,
    settings::Egress,
    stream::{EgressStream, Traffic, connections},
};
