//! Without the feature nothing is counted.

use std::time::Duration;

use enkash_auth_core::{AccountId, state::Reason};

pub(crate) fn fetched(_: AccountId, _: Reason, _: &'static str, _: Option<Duration>) {}

pub(crate) fn asked(_: AccountId) {}

pub(crate) fn store_failed(_: AccountId) {}

pub(crate) fn skewed(_: AccountId, _: Option<f64>) {}

pub(crate) fn replayed(_: AccountId, _: &'static str) {}
