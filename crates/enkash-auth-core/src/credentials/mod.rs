//! Who asks for a token.

mod account;
mod identity;
mod kind;
mod seal;

pub(crate) use self::kind::GrantType;
pub use self::{
    account::AccountKey,
    identity::{Client, User},
    kind::Credentials,
};
