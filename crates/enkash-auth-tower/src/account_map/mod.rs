//! Caches the tokens of many accounts of one server.
//!
//! [`Accounts`], made by its `builder`, maps the ids of the user to caches, each as a single account has it. They
//! share one HTTP service, one store, one limit of token requests and one task that refreshes. The map is made of
//! `shards` that are read without a lock.

mod accounts;
mod builder;
mod shards;

pub use self::{
    accounts::{AccountId, Accounts},
    builder::AccountsBuilder,
};
