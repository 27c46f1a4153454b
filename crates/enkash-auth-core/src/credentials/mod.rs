//! Who asks for a token.

mod account;
mod identity;
mod kind;
#[cfg(feature = "seal")]
mod seal;

pub(crate) use self::kind::GrantType;
pub use self::{
    account::{AccountId, Fingerprint},
    identity::{Client, User},
    kind::Credentials,
};
