use std::time::Duration;

use enkash_auth_core::{AccountKey, state::FetchReason};

/// Counts nothing, without the feature.
#[derive(Debug, Default)]
pub struct Meter {}

impl Meter {
    pub fn fetched(&self, _: AccountKey, _: FetchReason, _: &'static str, _: Option<Duration>) {}

    pub fn requested(&self, _: AccountKey) {}

    pub fn store_failed(&self, _: AccountKey) {}

    pub fn skewed(&self, _: AccountKey, _: Option<f64>) {}

    pub fn replayed(&self, _: AccountKey, _: &'static str) {}
}
