#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod account;
mod address;
mod answer;
mod bearer;
mod credentials;
mod error;
mod hex;
pub mod lifetime;
mod policy;
mod request;
pub mod state;
pub mod strikes;
mod time;
mod token;

#[cfg(feature = "test-util")]
pub use self::time::ManualClock;
pub use self::{
    address::{BaseUrl, Environment, Origin},
    answer::{AnswerBody, Grant, TokenAnswer},
    bearer::Bearer,
    credentials::{AccountId, Client, Credentials, Fingerprint, User},
    error::{Error, ErrorKind},
    policy::RefreshPolicy,
    request::TokenRequest,
    time::{Clock, Moment, SystemClock},
    token::AccessToken,
};
