#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod account_token;
mod budget;
#[cfg(feature = "client")]
mod client;
mod current_token;
mod echo;
pub mod health;
mod idle_timeout;
mod placeholder;
mod problem;
mod proxy;
mod proxy_body;
mod rewrite;
mod timed_body;

pub use enkash_auth_tower::{
    Accounts, BoxError, Client, Credentials, EnkashAuthLayer, Environment, Error, ErrorKind,
    Origin, TokenCache, TokenEndpoint, TokenServer, User,
};

pub use self::{
    account_token::AccountToken,
    current_token::CurrentToken,
    problem::{Forwarded, Problem},
    proxy::{Proxy, ProxyBuilder},
    proxy_body::ProxyBody,
};
