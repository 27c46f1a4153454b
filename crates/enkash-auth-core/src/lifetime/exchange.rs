use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Expiry;
use crate::Timestamp;

/// How long a token lives of which the response says nothing: the shortest on the platform (Petty Cash,
/// Rewards and Redemption: 5 minutes).
const UNKNOWN: Duration = Duration::from_secs(300);

/// What is left must be worth attaching: below this a token counts as expired. Two ticks of the coarse
/// clock that a cache reads.
const SHORTEST: Duration = Duration::from_millis(8);

/// Holds when a token request was made, and what the server's clock said meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    sent: Timestamp,
    date: Option<SystemTime>,
}

/// Holds how long a token lives, counted from the moment at which its request was sent.
///
/// The lower end of what the response allows: on the server's clock where that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetime {
    sent: Timestamp,
    length: Option<Duration>,
    local_clock: bool,
}

impl Exchange {
    /// Creates an exchange whose request was sent at `sent` and whose response carried `date`.
    pub fn new(sent: Timestamp, date: Option<SystemTime>) -> Self {
        Self { sent, date }
    }

    /// Returns by how many seconds the local wall clock is ahead of the server's: negative where it is
    /// behind, `None` where the response carried no `Date`. Right to half a second and the time that the
    /// exchange took.
    pub fn clock_skew(&self) -> Option<f64> {
        let date = self.date?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let local = self.local();
        // `Date` is rounded down to whole seconds.
        Some(local.as_secs_f64() - date.as_secs_f64() - 0.5)
    }

    /// Returns the lifetime of a token of which the response says `said`: the shortest, where it says more.
    pub fn lifetime(&self, said: &[Expiry]) -> Lifetime {
        said.iter()
            .filter_map(|expiry| self.read(*expiry))
            .min_by_key(|lifetime| lifetime.length)
            .unwrap_or(self.of(Some(UNKNOWN)))
    }

    /// Returns `None` where `expiry` says nothing.
    fn read(&self, expiry: Expiry) -> Option<Lifetime> {
        match expiry {
            Expiry::In(length) | Expiry::InGuessed(length) => Some(self.of(Some(length))),
            Expiry::AtUnixMillis(millis) => self.until(Duration::from_millis(millis)),
            Expiry::AtUnixSeconds(seconds) => self.until(Duration::from_secs(seconds)),
            Expiry::Expired => Some(self.of(None)),
            Expiry::Unknown => None,
        }
    }

    /// Returns the lifetime that ends at `end`, counted from the Unix epoch.
    fn until(&self, end: Duration) -> Option<Lifetime> {
        let Some(date) = self.date else {
            return self.on_local_clock(end);
        };
        let date = date.duration_since(UNIX_EPOCH).unwrap_or_default();
        // One of the two clocks was never set.
        let is_doubtful = date.abs_diff(self.local()) > Lifetime::LONGEST;
        let local = self.on_local_clock(end).filter(|_| is_doubtful);
        Some(local.unwrap_or_else(|| {
            let left = end.saturating_sub(date);
            // `Date` has whole seconds, rounded down: the response was made up to a second after it. A
            // second is too much of a token that lives for one.
            let rounded = left.saturating_sub(Duration::from_secs(1));
            self.of(Some(rounded.max(left / 2)))
        }))
    }

    /// Reads the last resort: only what makes sense on the local clock is taken from it.
    fn on_local_clock(&self, end: Duration) -> Option<Lifetime> {
        let left = end.checked_sub(self.local())?;
        (!left.is_zero() && left <= Lifetime::LONGEST).then(|| Lifetime {
            local_clock: true,
            ..self.of(Some(left))
        })
    }

    fn local(&self) -> Duration {
        Duration::from_nanos(self.sent.unix_nanos())
    }

    fn of(&self, length: Option<Duration>) -> Lifetime {
        Lifetime {
            sent: self.sent,
            length: length
                .map(|length| length.min(Lifetime::LONGEST))
                .filter(|length| *length >= SHORTEST),
            local_clock: false,
        }
    }
}

impl Lifetime {
    /// The longest that is believed: 24 h, as long as the platform's tokens live.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// Restores a lifetime that was written down: `length` from `sent`, within the bounds of any.
    pub fn kept(sent: Timestamp, length: Duration, is_local: bool) -> Self {
        Self {
            local_clock: is_local,
            ..Exchange::new(sent, None).of(Some(length))
        }
    }

    /// Returns the moment from which the lifetime counts.
    pub fn sent(&self) -> Timestamp {
        self.sent
    }

    /// Returns its length, from 8 ms to 24 h; `None` for a token that had expired when it was received.
    pub fn length(&self) -> Option<Duration> {
        self.length
    }

    /// Returns how old it is at `now`.
    pub fn age(&self, now: Timestamp) -> Duration {
        let (now, sent) = (now.monotonic_nanos(), self.sent.monotonic_nanos());
        Duration::from_nanos(now.saturating_sub(sent))
    }

    /// Returns how much is left of it at `now`; nothing where it had expired when it was received.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        let length = self.length.unwrap_or_default();
        length.saturating_sub(self.age(now))
    }

    /// Returns whether it rests on the local wall clock, for want of the server's.
    pub fn is_local(&self) -> bool {
        self.local_clock
    }
}
