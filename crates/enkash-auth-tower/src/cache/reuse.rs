use std::time::Duration;

use enkash_auth_core::Timestamp;

use crate::sync::{AtomicU64, Ordering};

/// For how long a token that was returned again says that others are, too: two lifetimes of five minutes.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// How many new tokens it takes for one to have a refresh window although reuse is expected.
const PROBE: u64 = 16;

/// Predicts whether the token server returns a token until it expires: it does so after it returned one of an account
/// again that had life.
///
/// Then the next tokens of all accounts have no refresh window, but for one in 16. So a token server that reuses its
/// tokens is asked once for most of them; and one that has stopped to, or returned a single token again, is noticed by
/// the next token that it grants early, or after ten minutes.
#[derive(Debug, Default)]
pub struct Reuse {
    /// Until when it is expected, on the monotonic clock.
    until: AtomicU64,
    /// Counts the tokens that were granted while it is.
    tokens: AtomicU64,
}

impl Reuse {
    /// Records that an account whose token had life was granted the `same` one, or another.
    pub fn record(&self, same: bool, now: Timestamp) {
        let until = if same { now + REMEMBERED } else { now };
        self.until.store(until.monotonic_nanos(), Ordering::Relaxed);
    }

    /// Returns whether the token that is granted now is expected to be returned until it expires.
    pub fn is_expected(&self, now: Timestamp) -> bool {
        let is_expected = now.monotonic_nanos() < self.until.load(Ordering::Relaxed);
        is_expected
            && !self
                .tokens
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(PROBE)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/reuse.rs"]
mod tests;
