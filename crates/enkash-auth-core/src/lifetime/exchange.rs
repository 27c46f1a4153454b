use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Expiry;
use crate::Timestamp;

/// The lifetime of a token whose response states none: the shortest on the platform (Petty Cash, Rewards and
/// Redemption: 5 minutes).
const UNKNOWN: Duration = Duration::from_secs(300);

/// A token with less than this left counts as expired: two ticks of the coarse clock that a cache reads.
const SHORTEST: Duration = Duration::from_millis(8);

/// Holds when a token request was sent, and the `Date` and `Age` of its response.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    sent: Timestamp,
    date: Option<SystemTime>,
    age: Duration,
}

/// Holds how long a token lives, counted from when its request was sent.
///
/// The lowest estimate that the response allows: on the server's clock if that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetime {
    sent: Timestamp,
    length: Option<Duration>,
    local_clock: bool,
}

impl Exchange {
    /// Creates an exchange whose request was sent at `sent` and whose response carried `date`.
    pub fn new(sent: Timestamp, date: Option<SystemTime>) -> Self {
        Self {
            sent,
            date,
            age: Duration::ZERO,
        }
    }

    /// Sets how old the response was when a cache on the way sent it: zero by default. The server made it
    /// that long before, and so did its `Date`. An age of more than 24 h is not believed: no token lives
    /// longer.
    #[must_use]
    pub fn with_age(self, age: Duration) -> Self {
        let age = (age <= Lifetime::LONGEST).then_some(age);
        Self {
            age: age.unwrap_or_default(),
            ..self
        }
    }

    /// Returns by how many seconds the local wall clock is ahead of the server's: negative if it is behind,
    /// `None` if the response carried no `Date`. Accurate to half a second plus the duration of the exchange.
    pub fn clock_skew(&self) -> Option<f64> {
        // `Date` is rounded down to whole seconds.
        Some(self.local().as_secs_f64() - self.server()?.as_secs_f64() - 0.5)
    }

    /// Returns the lifetime of a token whose response reports `expiries`: the shortest of several.
    pub fn lifetime(&self, expiries: &[Expiry]) -> Lifetime {
        expiries
            .iter()
            .filter_map(|expiry| self.read(*expiry))
            .min_by_key(|lifetime| lifetime.length)
            .unwrap_or(self.span(UNKNOWN))
    }

    /// Returns `None` if `expiry` is unknown or implausible.
    fn read(&self, expiry: Expiry) -> Option<Lifetime> {
        match expiry {
            Expiry::In(length) | Expiry::InGuessed(length) => Some(self.span(length)),
            Expiry::AtUnixMillis(millis) => self.until(Duration::from_millis(millis)),
            Expiry::AtUnixSeconds(seconds) => self.until(Duration::from_secs(seconds)),
            Expiry::Expired => Some(self.span(Duration::ZERO)),
            Expiry::Unknown => None,
        }
    }

    /// Returns the lifetime that ends `length` after the response was made.
    fn span(&self, length: Duration) -> Lifetime {
        self.of(length.saturating_sub(self.age))
    }

    /// Returns the lifetime that ends at `end`, counted from the Unix epoch.
    fn until(&self, end: Duration) -> Option<Lifetime> {
        let Some(server) = self.server() else {
            return self.on_local_clock(end);
        };
        // One of the two clocks is wrong.
        let is_doubtful = server.abs_diff(self.local()) > Lifetime::LONGEST;
        let local = self.on_local_clock(end).filter(|_| is_doubtful);
        Some(local.unwrap_or_else(|| {
            let left = end.saturating_sub(server);
            // `Date` is rounded down to whole seconds: the response was made up to a second after it. A
            // token that lives for one second loses half of it only.
            let rounded = left.saturating_sub(Duration::from_secs(1));
            self.of(rounded.max(left / 2))
        }))
    }

    /// Falls back to the local clock, if that gives a plausible lifetime.
    fn on_local_clock(&self, end: Duration) -> Option<Lifetime> {
        let left = end.checked_sub(self.local())?;
        (!left.is_zero() && left <= Lifetime::LONGEST).then(|| Lifetime {
            local_clock: true,
            ..self.of(left)
        })
    }

    /// Returns the time by the server's clock when the response arrived, since the Unix epoch.
    fn server(&self) -> Option<Duration> {
        let date = self.date?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(date.saturating_add(self.age))
    }

    fn local(&self) -> Duration {
        Duration::from_nanos(self.sent.unix_nanos())
    }

    fn of(&self, length: Duration) -> Lifetime {
        Lifetime {
            sent: self.sent,
            length: (length >= SHORTEST).then_some(length.min(Lifetime::LONGEST)),
            local_clock: false,
        }
    }
}

impl Lifetime {
    /// The longest accepted lifetime: 24 h, that of the platform's tokens.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// Restores a stored lifetime: `length` from `sent`, within the usual bounds.
    pub fn kept(sent: Timestamp, length: Duration, is_local: bool) -> Self {
        Self {
            local_clock: is_local,
            ..Exchange::new(sent, None).of(length)
        }
    }

    /// Returns when the request was sent, from which the lifetime counts.
    pub fn sent(&self) -> Timestamp {
        self.sent
    }

    /// Returns its length, from 8 ms to 24 h; `None` for a token that was already expired when received.
    pub fn length(&self) -> Option<Duration> {
        self.length
    }

    /// Returns its age at `now`.
    pub fn age(&self, now: Timestamp) -> Duration {
        let (now, sent) = (now.monotonic_nanos(), self.sent.monotonic_nanos());
        Duration::from_nanos(now.saturating_sub(sent))
    }

    /// Returns how much of it remains at `now`; zero if it was already expired when received.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        let length = self.length.unwrap_or_default();
        length.saturating_sub(self.age(now))
    }

    /// Returns whether it is based on the local wall clock instead of the server's.
    pub fn is_local(&self) -> bool {
        self.local_clock
    }
}
