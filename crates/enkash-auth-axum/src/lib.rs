#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod budget;
#[cfg(feature = "client")]
mod client;
mod current_token;
pub mod health;
mod idle_timeout;
mod problem;
mod proxy;
mod proxy_body;
mod rewrite;

pub use enkash_auth_tower::{
    BoxError, Client, Credentials, EnkashAuthLayer, Environment, Error, ErrorKind, Origin,
    TokenCache, TokenEndpoint, User,
};

pub use self::{
    current_token::CurrentToken,
    problem::{Forwarded, Problem},
    proxy::{Proxy, ProxyBuilder},
    proxy_body::ProxyBody,
};
