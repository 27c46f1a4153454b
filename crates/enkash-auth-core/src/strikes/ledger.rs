use std::{fmt, time::Duration};

use super::{Attempt, Settlement, Strikes, budget::remember, given_up};
use crate::{Error, Fingerprint, Moment, RefreshPolicy};

/// How long an attempt keeps others waiting beyond the time a fetch may take, should it never end: time to
/// tell the store of it, twice, and for clocks that are seconds apart.
const GRACE: Duration = Duration::from_secs(4);

/// What a store keeps of an account: its strikes, and who makes an attempt now.
///
/// Pure: a store reads it, asks it, and writes it back in one step that nobody comes between.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Moment, RefreshPolicy};
/// use enkash_auth_core::strikes::{Bid, Holder, Ledger, Opening, Settlement};
///
/// let (mut ledger, now) = (Ledger::new([7; 32]), Moment::new(0, 1_767_268_800_000_000_000));
/// let keys = Credentials::merchant("key", "secret").ledger_fingerprint(ledger.salt());
/// let bid = |cache| Bid::new(Holder::new(cache, 1), &RefreshPolicy::default());
///
/// let Opening::Granted(attempt) = ledger.begin(keys, &bid(1), now) else { unreachable!() };
/// assert!(matches!(ledger.begin(keys, &bid(2), now), Opening::Busy));
/// ledger.finish(attempt, Settlement::Granted);
/// assert!(matches!(ledger.begin(keys, &bid(2), now), Opening::Granted(_)));
/// ```
#[derive(Clone)]
pub struct Ledger {
    pub(super) salt: [u8; 32],
    pub(super) strikes: Strikes,
    pub(super) lease: Option<Lease>,
    /// The attempts that were told last, the newest at the end: of this ledger those that were refused, of
    /// others all that may count.
    pub(super) heard: Vec<Heard>,
}

/// An attempt: what tells its ledger from others, and its number.
pub(super) type Heard = ([u8; 8], u64);

/// The right to make attempts for a while, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy)]
pub(super) struct Lease {
    pub(super) holder: Holder,
    pub(super) attempt: u64,
    pub(super) begun: u64,
    pub(super) end: u64,
}

/// Who makes an attempt: a flight of a cache.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::strikes::Holder;
///
/// assert_ne!(Holder::new(1, 1), Holder::new(1, 2));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Holder {
    pub(super) cache: u64,
    pub(super) flight: u64,
}

/// What somebody says who wants to make an attempt.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use enkash_auth_core::{RefreshPolicy, strikes::{Bid, Holder}};
///
/// let bid = Bid::new(Holder::new(1, 1), &RefreshPolicy::default());
/// assert_eq!(bid.lease(), Duration::from_secs(12));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Bid {
    holder: Holder,
    lease: Duration,
    retry_unresolved_after: Option<Duration>,
}

/// What a ledger answers to a bid.
///
/// # Examples
///
/// See [`Ledger`].
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a bid is answered in no other way")]
pub enum Opening {
    /// Send the password, once.
    Granted(Attempt),
    /// Somebody else's attempt is on: come again.
    Busy,
    /// Send nothing.
    Denied(Error),
}

impl Ledger {
    /// That of an account of which nothing is known. `salt` is random, or the ledger never leaves
    /// the process.
    pub fn new(salt: [u8; 32]) -> Self {
        Self {
            salt,
            strikes: Strikes::default(),
            lease: None,
            heard: Vec::new(),
        }
    }

    /// In place of one that cannot be read: there may have been an attempt. `salt` as in
    /// [`new`](Self::new).
    pub fn unreadable(salt: [u8; 32], now: Moment) -> Self {
        let mut ledger = Self::new(salt);
        ledger.strikes.record_possible(now);
        ledger
    }

    /// What the fingerprints in it were made under.
    pub fn salt(&self) -> &[u8; 32] {
        &self.salt
    }

    /// The strikes of the account.
    pub fn strikes(&self) -> &Strikes {
        &self.strikes
    }

    /// Records an attempt with the credentials of `fingerprint` and gives leave to make it, and a
    /// lease.
    ///
    /// A cache has one flight at a time: a lease of an earlier one is that of a flight it abandoned,
    /// and is taken over; a lease of a later one says that this one is abandoned itself.
    pub fn begin(&mut self, fingerprint: Fingerprint, bid: &Bid, now: Moment) -> Opening {
        if let Some(lease) = self.lease.filter(|lease| lease.is_on(now)) {
            if lease.holder.cache != bid.holder.cache {
                return Opening::Busy;
            }
            if lease.holder.flight > bid.holder.flight {
                return Opening::Denied(given_up());
            }
        }
        match self
            .strikes
            .begin(fingerprint, now, bid.retry_unresolved_after)
        {
            Err(error) => Opening::Denied(error),
            Ok(attempt) => {
                self.lease = Some(Lease {
                    holder: bid.holder,
                    attempt: attempt.number(),
                    begun: now.unix_nanos(),
                    end: now.plus(bid.lease).unix_nanos(),
                });
                Opening::Granted(attempt)
            }
        }
    }

    /// Settles `attempt`, and ends its lease where it has it still. A refusal that is told again counts
    /// once, also where a success or a reset has cleared it since.
    pub fn finish(&mut self, attempt: Attempt, settlement: Settlement) {
        let edition = (self.era(), attempt.number());
        if !matches!(settlement, Settlement::Rejected(_)) || self.hear(edition) {
            self.strikes.settle(attempt, settlement);
        }
        self.lease
            .take_if(|lease| lease.attempt == attempt.number());
    }

    /// What tells this ledger from the next of the same account, should it be lost: the beginning of its
    /// salt.
    pub fn era(&self) -> [u8; 8] {
        let mut era = [0; 8];
        for (to, from) in era.iter_mut().zip(self.salt) {
            *to = from;
        }
        era
    }

    /// Remembers that the attempt of `edition` was told. False where it is remembered already.
    fn hear(&mut self, edition: Heard) -> bool {
        let is_news = !self.heard.contains(&edition);
        if is_news {
            remember(&mut self.heard, edition);
        }
        is_news
    }

    /// Settles an attempt with the credentials of `fingerprint` that this ledger has no record of:
    /// it was lost meanwhile, or began in another. `edition` names it among all such, so that it
    /// counts once however often it is told.
    ///
    /// A success clears nothing: nobody knows whether it came before or after what is on the record.
    pub fn finish_unrecorded(
        &mut self,
        edition: ([u8; 8], u64),
        fingerprint: Fingerprint,
        settlement: Settlement,
        now: Moment,
    ) {
        if !settlement.may_count() || !self.hear(edition) {
            return;
        }
        let attempt = self.strikes.record(fingerprint, now);
        self.strikes.settle(attempt, settlement);
    }

    /// Ends a lease whose holder is known to be gone. What it was at stays on the record.
    pub fn vacate(&mut self) {
        self.lease = None;
    }

    /// Forgets every strike: an operator has seen to the account. An attempt that is on keeps its
    /// mark until it ends.
    pub fn reset(&mut self, now: Moment) {
        let on = self.lease.filter(|lease| lease.is_on(now));
        self.strikes.reset_but(on.map(|lease| lease.attempt));
    }

    /// Whether somebody may be at an attempt.
    pub fn is_leased(&self) -> bool {
        self.lease.is_some()
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("strikes", &self.strikes)
            .field("is_leased", &self.is_leased())
            .finish_non_exhaustive()
    }
}

impl Lease {
    /// One from the future is that of a clock that was set back since: it ends nobody knows when.
    fn is_on(self, now: Moment) -> bool {
        (self.begun..self.end).contains(&now.unix_nanos())
    }
}

impl Holder {
    /// Flight number `flight` of the cache that has drawn the number `cache`.
    pub fn new(cache: u64, flight: u64) -> Self {
        Self { cache, flight }
    }
}

impl Bid {
    /// One of `holder`, who fetches as `policy` says.
    pub fn new(holder: Holder, policy: &RefreshPolicy) -> Self {
        Self {
            holder,
            lease: policy.fetch_timeout.saturating_add(GRACE),
            retry_unresolved_after: policy.retry_unresolved_after,
        }
    }

    /// How long the attempt keeps others waiting at most: 4 s more than a fetch may take. It is not
    /// renewed.
    pub fn lease(&self) -> Duration {
        self.lease
    }
}
