//! Counts nothing, without the feature.

use std::time::Duration;

use enkash_auth_core::{AccountKey, state::FetchReason};

pub(crate) fn fetched(_: AccountKey, _: FetchReason, _: &'static str, _: Option<Duration>) {}

pub(crate) fn requested(_: AccountKey) {}

pub(crate) fn store_failed(_: AccountKey) {}

pub(crate) fn skewed(_: AccountKey, _: Option<f64>) {}

pub(crate) fn replayed(_: AccountKey, _: &'static str) {}
