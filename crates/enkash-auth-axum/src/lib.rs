#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod current_token;
mod health;
mod problem;
mod proxy;
mod upstream;

pub use enkash_auth_tower as tower;

pub use self::{
    body::ProxyBody,
    current_token::CurrentToken,
    health::{Report, live, ready, status},
    problem::{Forwarded, Problem},
    proxy::{Proxy, ProxyBuilder},
};
