//! A fixed time, and helpers that count from it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use enkash_auth_core::{
    Timestamp,
    lifetime::{Exchange, Expiry, Lifetime},
};

/// Tue, 14 Nov 2023 22:13:20 GMT, with an uptime of one second.
pub(crate) const SENT: Timestamp = Timestamp::new(1_000_000_000, 1_700_000_000_000_000_000);

/// `SENT` in seconds since the epoch.
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) const DAY: u64 = 86_400;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + secs(seconds)
}

/// The lifetime in the response to a request sent at `SENT`.
pub(crate) fn lifetime(date: Option<SystemTime>, expiries: &[Expiry]) -> Lifetime {
    Exchange::new(SENT, date).lifetime(expiries)
}
