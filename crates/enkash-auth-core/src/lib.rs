#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod account;
mod account_key;
mod address;
mod bearer;
mod credentials;
mod environment;
mod failure;
mod few;
mod fingerprint;
mod hex;
mod identity;
mod invalid_setting;
mod json;
pub mod lifetime;
mod policy;
mod request;
mod response;
pub mod state;
mod time;
mod token;
mod token_path;

#[cfg(feature = "test-util")]
pub use self::time::ManualClock;
pub use self::{
    account_key::AccountKey,
    address::{BaseUrl, Origin},
    bearer::Bearer,
    credentials::Credentials,
    environment::Environment,
    failure::{Failure, FailureKind},
    identity::{Client, User},
    invalid_setting::InvalidSetting,
    policy::Policy,
    request::TokenRequest,
    response::{FailedAttempt, Grant, ResponseBody, TokenResponse, parse_body},
    time::{Clock, SystemClock, Timestamp},
    token::AccessToken,
    token_path::{is_token_path, may_be_token_path},
};
