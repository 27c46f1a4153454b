use std::{collections::HashSet, time::Duration};

use enkash_auth_core::{AccountKey, state::FetchReason};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::{status::Status, sync::Mutex};

const FETCHES: &str = "enkash_auth_fetches_total";
const FETCH_DURATION: &str = "enkash_auth_fetch_duration_seconds";
const TOKEN_REQUESTS: &str = "enkash_auth_token_requests_total";
const REPLAYS: &str = "enkash_auth_replays_total";
const STORE_FAILURES: &str = "enkash_auth_store_failures_total";
const CLOCK_SKEW: &str = "enkash_auth_clock_skew_seconds";
const REMAINING: &str = "enkash_auth_token_remaining_seconds";
const STRIKES: &str = "enkash_auth_strikes";
const WAITERS: &str = "enkash_auth_waiters";

/// Describes the metrics and their units to the recorder of `metrics`. Call it once, when the recorder is
/// installed; without it only help texts are missing.
pub fn describe_metrics() {
    describe_counter!(FETCHES, Unit::Count, "fetches of a token that have ended");
    describe_counter!(TOKEN_REQUESTS, Unit::Count, "token requests that were made");
    describe_counter!(
        REPLAYS,
        Unit::Count,
        "calls to replay after a 401 from the API"
    );
    describe_counter!(
        STORE_FAILURES,
        Unit::Count,
        "times at which a fetch could not use the store"
    );
    describe_histogram!(
        FETCH_DURATION,
        Unit::Seconds,
        "how long a fetch took, including backoff between its attempts"
    );
    describe_gauge!(
        CLOCK_SKEW,
        Unit::Seconds,
        "how far the local wall clock is ahead of the token server's"
    );
    describe_gauge!(
        REMAINING,
        Unit::Seconds,
        "how long the cached token may still be attached"
    );
    describe_gauge!(
        STRIKES,
        Unit::Count,
        "attempts that count, or may count, against the account"
    );
    describe_gauge!(WAITERS, Unit::Count, "callers that wait for a token");
}

/// Counts the events of one cache, or of many accounts.
#[derive(Debug, Default)]
pub struct Meter {
    /// The accounts that have a label of their own.
    labelled: Mutex<HashSet<AccountKey>>,
}

/// Sets how many accounts have a label of their own. A recorder keeps every label for good.
const LABELS: usize = 100;

/// Labels all other accounts.
const OTHER: &str = "other";

impl Meter {
    /// Records that a fetch has ended, and how long it `took`, unless it was abandoned.
    pub fn fetched(
        &self,
        account: AccountKey,
        reason: FetchReason,
        outcome: &'static str,
        took: Option<Duration>,
    ) {
        let account = self.label(account);
        if let Some(took) = took {
            histogram!(FETCH_DURATION, "account" => account.clone(), "outcome" => outcome)
                .record(took);
        }
        counter!(FETCHES, "account" => account, "reason" => reason.as_str(), "outcome" => outcome)
            .increment(1);
    }

    /// Records that a token request is being made.
    pub fn requested(&self, account: AccountKey) {
        counter!(TOKEN_REQUESTS, "account" => self.label(account)).increment(1);
    }

    /// Records that the store could not be used for a fetch.
    pub fn store_failed(&self, account: AccountKey) {
        counter!(STORE_FAILURES, "account" => self.label(account)).increment(1);
    }

    /// Records how far our wall clock is ahead, by the `Date` of a response.
    pub fn skewed(&self, account: AccountKey, seconds: Option<f64>) {
        if let Some(seconds) = seconds {
            gauge!(CLOCK_SKEW, "account" => self.label(account)).set(seconds);
        }
    }

    /// Records the result of replaying an unauthorized call.
    pub fn replayed(&self, account: AccountKey, result: &'static str) {
        counter!(REPLAYS, "account" => self.label(account), "result" => result).increment(1);
    }

    /// Records the status of a cache, if its account has a label of its own.
    pub fn gauges(&self, account: AccountKey, status: &Status) {
        let Some(account) = self.own_label(account) else {
            return;
        };
        let remaining = status.remaining().unwrap_or_default();
        gauge!(REMAINING, "account" => account.clone()).set(remaining);
        gauge!(WAITERS, "account" => account.clone()).set(status.waiting() as f64);
        gauge!(STRIKES, "account" => account.clone(), "kind" => "rejected")
            .set(status.strikes() as f64);
        gauge!(STRIKES, "account" => account, "kind" => "unresolved")
            .set(status.unresolved_attempts() as f64);
    }

    fn label(&self, account: AccountKey) -> String {
        self.own_label(account).unwrap_or_else(|| OTHER.to_owned())
    }

    fn own_label(&self, account: AccountKey) -> Option<String> {
        let mut labelled = self.labelled.lock();
        let has_own =
            labelled.contains(&account) || labelled.len() < LABELS && labelled.insert(account);
        has_own.then(|| account.to_string())
    }
}
