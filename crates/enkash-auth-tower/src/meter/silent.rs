//! Counts nothing, without the feature.

use std::time::Duration;

use enkash_auth_core::{AccountKey, state::FetchReason};

pub fn fetched(_: AccountKey, _: FetchReason, _: &'static str, _: Option<Duration>) {}

pub fn requested(_: AccountKey) {}

pub fn store_failed(_: AccountKey) {}

pub fn skewed(_: AccountKey, _: Option<f64>) {}

pub fn replayed(_: AccountKey, _: &'static str) {}
