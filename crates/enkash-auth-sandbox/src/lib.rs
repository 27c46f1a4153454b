#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accounts;
mod attempt;
mod clock;
mod fault;
mod issuer;
mod number;
mod order;
mod rules;
mod sandbox;
mod strikes;
#[cfg(feature = "tls")]
mod tls;
mod tokens;
mod web;

pub use self::accounts::Accounts;
pub use self::clock::Clock;
pub use self::fault::Fault;
pub use self::issuer::{Counters, Issuer, IssuerBuilder};
pub use self::order::{Endpoint, Order};
pub use self::rules::{Issuing, Refresh, Rejections, Rounding, Rules, Shape, Stated};
pub use self::sandbox::{CertificateAuthority, Sandbox, SandboxBuilder};
pub use self::strikes::AccountStatus;
#[cfg(feature = "tls")]
pub use self::tls::Tls;
pub use self::web::{Disconnected, SandboxService, router};
