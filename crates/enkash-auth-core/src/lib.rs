#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod account;
mod address;
mod bearer;
mod credentials;
mod error;
mod hex;
pub mod lifetime;
mod policy;
mod request;
mod response;
pub mod state;
mod time;
mod token;

#[cfg(feature = "test-util")]
pub use self::time::ManualClock;
pub use self::{
    address::{BaseUrl, Environment, Origin},
    bearer::Bearer,
    credentials::{AccountKey, Client, Credentials, User},
    error::{Error, ErrorKind},
    policy::RefreshPolicy,
    request::TokenRequest,
    response::{FailedAttempt, Grant, ResponseBody, TokenResponse},
    time::{Clock, Moment, SystemClock},
    token::AccessToken,
};
