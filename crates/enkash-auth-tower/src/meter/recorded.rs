use std::time::Duration;

use enkash_auth_core::{AccountKey, state::Reason};
use metrics::{counter, gauge, histogram};

use crate::cache::Status;

pub(super) const FETCHES: &str = "enkash_auth_fetches_total";
pub(super) const FETCH_SECONDS: &str = "enkash_auth_fetch_seconds";
pub(super) const TOKEN_REQUESTS: &str = "enkash_auth_token_requests_total";
pub(super) const REPLAYS: &str = "enkash_auth_replays_total";
pub(super) const STORE_FAILURES: &str = "enkash_auth_store_failures_total";
pub(super) const CLOCK_SKEW: &str = "enkash_auth_clock_skew_seconds";
pub(super) const SECONDS_LEFT: &str = "enkash_auth_token_seconds_left";
pub(super) const STRIKES: &str = "enkash_auth_strikes";
pub(super) const WAITERS: &str = "enkash_auth_waiters";

/// A fetch has ended; `took` is not known of one that nobody drives.
pub(crate) fn fetched(
    account: AccountKey,
    reason: Reason,
    outcome: &'static str,
    took: Option<Duration>,
) {
    let account = account.to_string();
    if let Some(took) = took {
        histogram!(FETCH_SECONDS, "account" => account.clone(), "outcome" => outcome).record(took);
    }
    counter!(FETCHES, "account" => account, "reason" => reason.as_str(), "outcome" => outcome)
        .increment(1);
}

/// A token request is being made.
pub(crate) fn asked(account: AccountKey) {
    counter!(TOKEN_REQUESTS, "account" => account.to_string()).increment(1);
}

/// The store could not be used for a fetch.
pub(crate) fn store_failed(account: AccountKey) {
    counter!(STORE_FAILURES, "account" => account.to_string()).increment(1);
}

/// An answer came, and its `Date` says how far our wall clock is ahead.
pub(crate) fn skewed(account: AccountKey, seconds: Option<f64>) {
    if let Some(seconds) = seconds {
        gauge!(CLOCK_SKEW, "account" => account.to_string()).set(seconds);
    }
}

/// A call that was refused was sent again, or could not be.
pub(crate) fn replayed(account: AccountKey, result: &'static str) {
    counter!(REPLAYS, "account" => account.to_string(), "result" => result).increment(1);
}

/// How a cache stands now.
pub(crate) fn standing(account: AccountKey, status: &Status) {
    let account = account.to_string();
    let left = status.remaining().unwrap_or_default();
    gauge!(SECONDS_LEFT, "account" => account.clone()).set(left);
    gauge!(WAITERS, "account" => account.clone()).set(status.waiting() as f64);
    gauge!(STRIKES, "account" => account.clone(), "kind" => "rejected")
        .set(status.strikes() as f64);
    gauge!(STRIKES, "account" => account, "kind" => "unresolved")
        .set(status.unresolved_attempts() as f64);
}
