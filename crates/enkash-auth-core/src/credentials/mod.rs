//! Who asks for a token.

mod account;
mod identity;
mod kind;

pub(crate) use self::kind::GrantType;
pub use self::{
    account::{AccountId, Fingerprint},
    identity::{Client, User},
    kind::Credentials,
};
