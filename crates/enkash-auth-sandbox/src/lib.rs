#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accounts;
mod choices;
mod clock;
mod faults;
mod issuer;
mod rules;
mod seconds;
mod server;
mod web;

pub use self::accounts::Accounts;
pub use self::choices::{Issuing, Refresh, Rejections, Rounding, Shape, Stated};
pub use self::clock::Clock;
pub use self::faults::{Endpoint, Fault, Order};
pub use self::issuer::{AccountStatus, Counters, Issuer, IssuerBuilder};
pub use self::rules::Rules;
#[cfg(feature = "tls")]
pub use self::server::Tls;
pub use self::server::{CertificateAuthority, Sandbox, SandboxBuilder};
pub use self::web::{Disconnected, ResponseFuture, SandboxService, router};
