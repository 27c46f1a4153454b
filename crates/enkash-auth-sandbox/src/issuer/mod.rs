//! The issuer: who may have a token, which tokens are alive, what has been counted. No HTTP here.

mod attempt;
mod builder;
mod counters;
mod grant;
mod handle;
mod judge;
mod orders;
mod refusal;
mod state;
mod strikes;
mod tokens;

pub(crate) use self::attempt::{Attempt, BasicAuth, FormGrant, GrantType, MerchantKeys};
pub use self::builder::IssuerBuilder;
pub use self::counters::Counters;
pub use self::handle::Issuer;
pub(crate) use self::refusal::Refusal;
pub use self::strikes::AccountStatus;
pub(crate) use self::tokens::{Bearer, Grant};
