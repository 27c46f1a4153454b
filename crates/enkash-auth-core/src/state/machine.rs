use std::time::Duration;

use super::{
    Decision, FetchError, FetchOutcome, FetchReason, Lookup, PendingFetch, View, backoff::Backoff,
    held::Held,
};
use crate::{
    AccessToken, Bearer, Failure, FailureKind, Policy, Timestamp,
    lifetime::{Lifetime, Schedule},
};

/// How long after the first call no background refresh begins: a short program, run every minute, could exit
/// during one.
const FIRST_REFRESH: Duration = Duration::from_secs(10);

/// How long a fetch that received an expired token waits before it retries.
const REPEAT: Duration = Duration::from_millis(250);

/// The same after more retries than margin and rounding explain.
const LONG_REPEAT: Duration = Duration::from_secs(1);

/// How many of the shorter waits cover the margin, and a lifetime rounded down to whole seconds.
const SHORT_REPEATS: usize = 6;

/// A token with less than this left is replaced by its issuer within that time.
const LAST_SECOND: Duration = Duration::from_secs(1);

/// Two 401 responses cause a fetch at once, and one more in each such time, in nanoseconds: an API that
/// responds 401 to everything causes no request storm.
const REFILL: u64 = 30_000_000_000;

/// Holds the state of one cache: the newest token, the pending fetch, the backoff after the error `E`.
#[derive(Clone, Debug)]
pub struct State<E = Failure> {
    /// The newest token, also after it has expired.
    held: Option<Held>,
    pending: Option<PendingFetch>,
    /// The last failure, until a fetch succeeds; also after its backoff has passed.
    backoff: Option<Backoff<E>>,
    /// Consecutive fetches that were aborted with their runtime.
    aborts: u32,
    /// When background refreshes may begin.
    refreshes_from: Option<Timestamp>,
    /// The expired tokens that this fetch received.
    expired: Vec<Bearer>,
    fetches: u64,
    generations: u64,
    /// When two 401 responses may cause a fetch at once again, on the monotonic clock.
    refilled: u64,
    /// Whether an operator requested the next fetch, or it replaces an abandoned one.
    is_forced: bool,
}

impl<E: FetchError> State<E> {
    /// Creates the state of an empty cache.
    pub fn new() -> Self {
        Self {
            held: None,
            pending: None,
            backoff: None,
            aborts: 0,
            refreshes_from: None,
            expired: Vec::new(),
            fetches: 0,
            generations: 0,
            refilled: 0,
            is_forced: false,
        }
    }

    /// Decides what a caller gets. `can_fetch` is the error of one that could neither spawn a fetch nor wait for
    /// it.
    pub fn lookup(
        &mut self,
        now: Timestamp,
        can_fetch: Result<(), E>,
        policy: &Policy,
    ) -> Decision<E> {
        self.refreshes_from.get_or_insert(now + FIRST_REFRESH);
        let overdue = self
            .pending
            .take_if(|pending| pending.overdue.has_passed(now));
        let fetches = self.fetches;
        let lookup = match self.usable(now).cloned() {
            Some(token) => {
                if self.refresh_at(&token, now).has_passed(now) {
                    let _ = self.join_or_spawn(FetchReason::Refresh, now, can_fetch, policy);
                }
                Lookup::Ready(token)
            }
            None => match self.join_or_spawn(self.need(), now, can_fetch, policy) {
                Ok(pending) => Lookup::Pending(pending),
                Err(error) => Lookup::Failed(error),
            },
        };
        Decision {
            lookup,
            spawn: self.pending.filter(|pending| pending.number > fetches),
            abandoned: overdue.is_some(),
        }
    }

    /// Completes fetch `number`. `jitter`, in `[0, 1]`, is random. Returns `false`, and changes nothing, if
    /// that fetch has been abandoned.
    pub fn complete(
        &mut self,
        number: u64,
        outcome: FetchOutcome<E>,
        now: Timestamp,
        jitter: f64,
        policy: &Policy,
    ) -> bool {
        let pending = self.pending.take_if(|pending| pending.number == number);
        if pending.is_none() {
            return false;
        }
        let aborts = std::mem::take(&mut self.aborts);
        match outcome {
            FetchOutcome::Granted(bearer, lifetime) => {
                self.grant(bearer, &lifetime, now, jitter, policy);
            }
            FetchOutcome::Failed(error) => self.fail(error, now, jitter, policy),
            FetchOutcome::Aborted => {
                self.aborts = aborts.saturating_add(1);
                // A single one is not a failure: the next call spawns another fetch.
                if self.aborts > 1 {
                    let detail = "the runtime that fetched was shut down";
                    let failure = Failure::new(FailureKind::Unavailable, detail);
                    self.fail(failure.into(), now, jitter, policy);
                }
            }
        }
        true
    }

    /// Records that fetch `number` received `bearer`. Returns how long the same fetch waits before it
    /// retries: the token has expired, and an issuer that reuses tokens has the next one within a second.
    ///
    /// `None` for a usable token; for one that had a second or more left and expired on the way; and for a
    /// third expired one that differs from both others: an issuer behind a load balancer may reuse two, but
    /// this one reuses none.
    pub fn received(
        &mut self,
        number: u64,
        bearer: &Bearer,
        lifetime: &Lifetime,
        now: Timestamp,
        policy: &Policy,
    ) -> Option<Duration> {
        self.pending.filter(|pending| pending.number == number)?;
        let is_last_second = lifetime.length().is_none_or(|length| length < LAST_SECOND);
        if !is_last_second || self.schedule(bearer, lifetime, now, 0.0, policy).is_some() {
            return None;
        }
        let mut others = self.expired.iter().filter(|token| *token != bearer);
        let other = others.next();
        if others.any(|token| Some(token) != other) {
            return None;
        }
        self.expired.push(bearer.clone());
        let is_long = self.expired.len() > SHORT_REPEATS;
        Some(if is_long { LONG_REPEAT } else { REPEAT })
    }

    /// Records that the API responded 401 to the token of `generation`. Returns whether that invalidates the
    /// cached token, so that another one is fetched.
    ///
    /// A stale 401, for an older token, changes nothing; nor does a second one for the same token, unless it
    /// comes 5 minutes after the issuer has returned that token again; nor any beyond two at once and one
    /// more every 30 s: then the caller gets the 401.
    pub fn unauthorized(&mut self, generation: u64, now: Timestamp) -> bool {
        let Some(held) = &mut self.held else {
            return false;
        };
        let at = now.monotonic_nanos();
        let refilled = self.refilled.max(at);
        let is_accepted = held.token.generation() == generation && held.accepts_unauthorized(now);
        if !is_accepted || refilled - at > REFILL {
            return false;
        }
        self.refilled = refilled.saturating_add(REFILL);
        held.unauthorized(now);
        true
    }

    /// Abandons the pending fetch, since new credentials are used from now on: its waiters must look up again.
    /// Returns whether there was one.
    ///
    /// `keeps_token`: whether a token of the old credentials is as good as one of the new.
    pub fn change_credentials(&mut self, keeps_token: bool) -> bool {
        let abandoned = self.pending.take().is_some();
        if !keeps_token {
            self.is_forced |= self.held.take().is_some();
        }
        self.is_forced |= abandoned;
        self.clear_backoff();
        abandoned
    }

    /// Clears the last failure, so that the next caller does not wait for the backoff.
    pub fn clear_backoff(&mut self) {
        self.is_forced |= self.backoff.take().is_some();
    }

    /// Returns the token that may be attached without a lookup, and until when, as of `now`.
    pub fn view(&self, now: Timestamp) -> Option<View> {
        let token = self.usable(now)?.clone();
        let until = token.schedule().deadline().earlier(self.next_check(now)?);
        Some(View { token, until })
    }

    /// Returns when the next decision is due: the fetch is overdue, the backoff has passed, or the refresh
    /// window opens. `None` before the first fetch.
    pub fn next_check(&self, now: Timestamp) -> Option<Timestamp> {
        let pending = self.pending.map(|pending| pending.overdue);
        let backoff = || self.backoff_end(now);
        let refresh = || self.token().map(|token| self.refresh_at(token, now));
        pending.or_else(backoff).or_else(refresh)
    }

    /// Returns when a cache that is kept warm looks up by itself; `None` for not before a caller does.
    pub fn next_refresh(&self, now: Timestamp, policy: &Policy) -> Option<Timestamp> {
        match &self.backoff {
            Some(backoff) if self.pending.is_none() && backoff.may_count() => {
                backoff.retry_at(policy)
            }
            Some(_) => Some(self.next_check(now).unwrap_or(now)),
            // The request of the last fetch was sent before the 401.
            None if self.pending.is_none() && self.unauthorized_at().is_some() => Some(now),
            None => self.next_check(now),
        }
    }

    /// Returns the error of the last fetch, until its backoff has passed.
    pub fn error_at(&self, now: Timestamp) -> Option<E> {
        self.backoff_end(now).and_then(|_| self.last_error(now))
    }

    /// Returns why the last fetch failed, if it did, with the backoff that remains at `now`.
    pub fn last_error(&self, now: Timestamp) -> Option<E> {
        let is_needed = self.usable(now).is_none();
        let backoff = self.backoff.as_ref()?;
        Some(backoff.error_at(now, is_needed))
    }

    /// Returns the token that may be attached at `now`, if there is one.
    pub fn usable(&self, now: Timestamp) -> Option<&AccessToken> {
        let held = self.held.as_ref().filter(|held| held.is_usable(now))?;
        Some(&held.token)
    }

    /// Returns how long no token has been usable at `now`; `None` if one is, or there was never one.
    pub fn expired_for(&self, now: Timestamp) -> Option<Duration> {
        let held = self.held.as_ref().filter(|held| !held.is_usable(now))?;
        let expired = held.token.schedule().deadline().elapsed(now);
        let unauthorized = held.unauthorized_at().map(|at| at.elapsed(now));
        Some(unauthorized.unwrap_or_default().max(expired))
    }

    /// Returns the newest token, also if it has expired or is unauthorized.
    pub fn token(&self) -> Option<&AccessToken> {
        self.held.as_ref().map(|held| &held.token)
    }

    /// Returns the generation of the newest token, counted from 1; `None` before the first.
    pub fn generation(&self) -> Option<u64> {
        self.token().map(AccessToken::generation)
    }

    /// Returns the pending fetch.
    pub fn pending(&self) -> Option<PendingFetch> {
        self.pending
    }

    /// Returns how many fetches were spawned.
    pub fn fetches(&self) -> u64 {
        self.fetches
    }

    /// Returns the pending fetch, or a new one; an error if none may be spawned.
    fn join_or_spawn(
        &mut self,
        reason: FetchReason,
        now: Timestamp,
        can_fetch: Result<(), E>,
        policy: &Policy,
    ) -> Result<PendingFetch, E> {
        if let (None, Some(error)) = (self.pending, self.error_at(now)) {
            return Err(error);
        }
        can_fetch?;
        if let Some(pending) = self.pending {
            return Ok(pending);
        }
        self.fetches += 1;
        self.expired.clear();
        let is_forced = std::mem::take(&mut self.is_forced);
        // A sixteenth more than the timeout of the fetch: it completes before, if it is driven at all.
        let limit = policy.fetch_timeout;
        let limit = limit.saturating_add(limit / 16);
        let pending = PendingFetch {
            number: self.fetches,
            reason: if is_forced {
                FetchReason::Forced
            } else {
                reason
            },
            overdue: (now + limit).on_monotonic(),
        };
        Ok(*self.pending.insert(pending))
    }

    /// Returns the reason for a fetch while no token is usable.
    fn need(&self) -> FetchReason {
        match self.held {
            None => FetchReason::Initial,
            Some(_) if self.unauthorized_at().is_some() => FetchReason::Unauthorized,
            Some(_) => FetchReason::Expired,
        }
    }

    fn unauthorized_at(&self) -> Option<Timestamp> {
        self.held.as_ref().and_then(Held::unauthorized_at)
    }

    /// Returns when a background refresh of `token` begins, as of `now`: not in the first 10 s, and not after
    /// one that was aborted with its runtime, as the next could be. Then the next fetch is made in the
    /// foreground, once the token has expired.
    fn refresh_at(&self, token: &AccessToken, now: Timestamp) -> Timestamp {
        let (refresh_at, deadline) = (token.schedule().refresh_at(), token.schedule().deadline());
        match self.refreshes_from {
            _ if self.aborts > 0 => deadline,
            Some(from) if !from.has_passed(now) && refresh_at.has_passed(from) => {
                from.earlier(deadline)
            }
            _ => refresh_at,
        }
    }

    /// Returns when the backoff ends; `None` if it has passed. After a failed refresh it ends with the cached
    /// token, unless the server sent `Retry-After`.
    fn backoff_end(&self, now: Timestamp) -> Option<Timestamp> {
        let backoff = self.backoff.as_ref()?;
        let end = match self.usable(now) {
            Some(token) => backoff.until(false).earlier(token.schedule().deadline()),
            None => backoff.until(true),
        };
        (!end.has_passed(now)).then_some(end)
    }

    /// Stores the token that a fetch obtained, unless it has expired by now.
    fn grant(
        &mut self,
        bearer: Bearer,
        lifetime: &Lifetime,
        now: Timestamp,
        jitter: f64,
        policy: &Policy,
    ) {
        let Some(schedule) = self.schedule(&bearer, lifetime, now, jitter, policy) else {
            let detail = "token already expired when received";
            let failure = Failure::new(FailureKind::InvalidResponse, detail);
            return self.fail(failure.into(), now, jitter, policy);
        };
        self.held = Some(match self.held.take() {
            Some(held) if held.is(&bearer) => held.reissued(bearer, schedule, lifetime.sent()),
            _ => {
                self.generations += 1;
                Held::new(bearer, self.generations, schedule, lifetime.sent())
            }
        });
        self.backoff = None;
    }

    fn fail(&mut self, error: E, now: Timestamp, jitter: f64, policy: &Policy) {
        let is_refresh = self.usable(now).is_some();
        let last = self.backoff.take();
        self.backoff = Some(Backoff::new(error, last, is_refresh, now, jitter, policy));
    }

    /// Returns the schedule of `bearer`; `None` if its deadline has passed.
    fn schedule(
        &self,
        bearer: &Bearer,
        lifetime: &Lifetime,
        now: Timestamp,
        jitter: f64,
        policy: &Policy,
    ) -> Option<Schedule> {
        let schedule = match self.held.as_ref().filter(|held| held.is(bearer)) {
            Some(held) => held.reused(lifetime, now, jitter, policy),
            None => Schedule::new(lifetime, policy, jitter),
        };
        schedule.filter(|schedule| !schedule.deadline().has_passed(now))
    }
}

impl<E: FetchError> Default for State<E> {
    fn default() -> Self {
        Self::new()
    }
}
