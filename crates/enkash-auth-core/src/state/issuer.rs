use std::time::Duration;

use super::held::Held;
use crate::{Moment, lifetime::Lifetime};

/// What may be believed beyond what was seen: no more than the guard of a token.
const SLACK: Duration = Duration::from_millis(250);

/// How the issuer mints tokens, as far as it was seen.
///
/// A *sticky* one answers with the token it has until that is over, and says each time how many whole
/// seconds are left. Asking it early buys nothing; and its last answer is up to a second short. So
/// the longest life that was seen is remembered, and the next token is taken to live as long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Issuer {
    is_sticky: bool,
    longest_life: Duration,
}

/// The life of a token, counted from its minting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    /// How long it lives, at least.
    pub(super) length: Duration,
    /// When the next one is there, where that is known.
    pub(super) next: Option<Duration>,
}

impl Issuer {
    pub(super) fn is_sticky(&self) -> bool {
        self.is_sticky
    }

    /// The same token came again.
    pub(super) fn repeated(&mut self) {
        self.is_sticky = true;
    }

    /// Another token has come: `held` has lived from before it was first seen until after it was
    /// last seen.
    pub(super) fn replaced(&mut self, held: &Held) {
        let lived = held
            .last_alive
            .monotonic_nanos()
            .saturating_sub(held.first_seen.monotonic_nanos());
        self.longest_life = self.longest_life.max(Duration::from_nanos(lived));
    }

    /// How long a token lives that came with `said` left, minted for us as it seems; `None` where
    /// nothing more is known than that.
    pub(super) fn life(&mut self, said: &Lifetime) -> Option<Life> {
        let said = said.length().filter(|_| self.is_sticky)?;
        if self.longest_life > said + Duration::from_secs(1) {
            // Rounding takes less than a second: lives have become shorter, or part of this one is
            // over already.
            self.longest_life = said;
            return None;
        }
        if self.longest_life + 2 * SLACK < said {
            return None;
        }
        // Lifetimes are configured in whole seconds: what lived 7.9 s lives 8. Where it does not, the
        // mistake is within the guard.
        let seen = self.longest_life.max(said);
        let whole = Duration::from_secs(seen.as_secs() + u64::from(seen.subsec_nanos() > 0));
        Some(if whole - seen <= SLACK {
            Life {
                length: whole,
                next: Some(whole),
            }
        } else {
            Life {
                length: seen,
                next: None,
            }
        })
    }

    /// Whether two ends of one token differ by no more than rounding and the way of an answer that
    /// was sent at `sent` and had come at `now`.
    pub(super) fn is_rounding(earlier: Moment, later: Moment, sent: Moment, now: Moment) -> bool {
        let way = now.monotonic_nanos().saturating_sub(sent.monotonic_nanos());
        let apart = later
            .monotonic_nanos()
            .saturating_sub(earlier.monotonic_nanos());
        apart <= way.saturating_add(1_000_000_000)
    }
}

/// A good moment to ask the issuer again, not before `soonest`, for the token after one that was
/// first seen at `first_seen`.
///
/// A life ends on a whole second, if the token was minted for us. To see it alive shortly before and
/// over at once after tells how long it is; what lies between teaches nothing.
pub(super) fn good_moment(first_seen: Moment, soonest: Moment) -> Moment {
    let age = soonest
        .monotonic_nanos()
        .saturating_sub(first_seen.monotonic_nanos());
    let into_second = Duration::from_nanos(age % 1_000_000_000);
    let (over, alive) = (Duration::from_millis(300), Duration::from_millis(800));
    if into_second <= over {
        return soonest;
    }
    soonest.plus(alive.saturating_sub(into_second))
}
