use std::time::Duration;

use super::{
    Call, Decision, FetchError, FetchOutcome, FetchReason, Lookup, PendingFetch, View,
    backoff::Backoff,
    doubt::Doubt,
    held::{Held, LAST_SECOND},
    pending_fetch::ExpiredTokens,
};
use crate::{AccessToken, Bearer, Failure, FailureKind, Policy, Timestamp, lifetime::Lifetime};

/// How long after the first call no background refresh begins: a short program, run every minute, could exit
/// during one.
const FIRST_REFRESH: Duration = Duration::from_secs(10);

/// Holds the state of one cache: the newest token, the pending fetch, the backoff after the error `E`.
#[derive(Clone, Debug)]
pub struct State<E = Failure> {
    /// The newest token, also after it has expired.
    held: Option<Held>,
    /// What the API says about it.
    doubt: Doubt,
    pending: Option<PendingFetch>,
    /// The last failure, until a fetch succeeds; also after its backoff has passed.
    backoff: Option<Box<Backoff<E>>>,
    /// Consecutive fetches that were aborted with their runtime.
    aborts: u32,
    /// When background refreshes may begin.
    refreshes_from: Option<Timestamp>,
    /// Those that this fetch received.
    expired: ExpiredTokens,
    fetches: u64,
    generations: u64,
    /// Whether an operator requested the next fetch, or it replaces an abandoned one.
    is_forced: bool,
}

impl<E: FetchError> State<E> {
    /// Creates the state of an empty cache.
    pub fn new() -> Self {
        Self {
            held: None,
            doubt: Doubt::default(),
            pending: None,
            backoff: None,
            aborts: 0,
            refreshes_from: None,
            expired: ExpiredTokens::default(),
            fetches: 0,
            generations: 0,
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
        self.doubt.lapse(now);
        let overdue = self
            .pending
            .take_if(|pending| pending.overdue().has_passed(now));
        let fetches = self.fetches;
        let lookup = match self.usable(now).cloned() {
            Some(token) => {
                if self.refresh_at(&token, now).has_passed(now) {
                    let _ = self.join_or_spawn(now, can_fetch, policy);
                }
                Lookup::Ready(token)
            }
            None => match self.join_or_spawn(now, can_fetch, policy) {
                Ok(pending) => Lookup::Pending(pending),
                Err(error) => Lookup::Failed(error),
            },
        };
        Decision {
            lookup,
            spawn: self.pending.filter(|pending| pending.number() > fetches),
            abandoned: overdue.is_some(),
        }
    }

    /// Counts the time of fetch `number` from `now` on: it waited for a place. Returns `false` if that fetch has
    /// been abandoned.
    pub fn extend(&mut self, number: u64, now: Timestamp, policy: &Policy) -> bool {
        let pending = self.pending.as_mut();
        let pending = pending.filter(|pending| pending.number() == number);
        pending.map(|pending| pending.extend(now, policy)).is_some()
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
        let pending = self.pending.take_if(|pending| pending.number() == number);
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
    /// third expired one that differs from both others.
    pub fn received(
        &mut self,
        number: u64,
        bearer: &Bearer,
        lifetime: &Lifetime,
        now: Timestamp,
        policy: &Policy,
    ) -> Option<Duration> {
        self.pending.filter(|pending| pending.number() == number)?;
        let is_last_second = lifetime.length().is_none_or(|length| length < LAST_SECOND);
        let held = self.held.as_ref();
        if !is_last_second || Held::schedule(held, bearer, lifetime, now, 0.0, policy).is_some() {
            return None;
        }
        self.expired.add(bearer)
    }

    /// Records that the API did not take the token of `generation` in the response to `call`, if that was
    /// watched. Returns whether the view has changed.
    ///
    /// On proof the token is not served any more; without proof, or within 3 s of its issue, it is served on
    /// while one fetch looks for another. A rejection of an older token changes nothing; nor does any beyond two
    /// at once and one more every 30 s, nor one without proof from a path that rejects one token after another,
    /// beyond one in 5 minutes, or after 30 s of 401s alone if it also accepts some: then the caller gets the
    /// 401, and that is all.
    pub fn unauthorized(
        &mut self,
        generation: u64,
        is_proof: bool,
        call: Option<Call>,
        now: Timestamp,
    ) -> bool {
        self.held.as_ref().is_some_and(|held| {
            held.token.generation() == generation
                && self.doubt.reject(is_proof, held.is_young(now), call, now)
        })
    }

    /// Records that the user rejected the token of `generation`: it is not served any more, within the same
    /// limit. Returns whether the view has changed.
    pub fn reject(&mut self, generation: u64, now: Timestamp) -> bool {
        self.generation() == Some(generation) && self.doubt.prove(now)
    }

    /// Records that the API responded 2xx to `call`, which carried the token of `generation`: that ends doubt if
    /// it was sent after it had opened, to the same origin. Returns whether the view has changed.
    pub fn accepted(&mut self, generation: u64, call: Call) -> bool {
        self.generation() == Some(generation) && self.doubt.accept(call)
    }

    /// Abandons the pending fetch, since new credentials are used from now on: its waiters must look up again.
    /// Returns whether there was one.
    ///
    /// `keeps_token`: whether a token of the old credentials is as good as one of the new.
    pub fn change_credentials(&mut self, keeps_token: bool) -> bool {
        let abandoned = self.pending.take().is_some();
        if !keeps_token {
            self.is_forced |= self.held.take().is_some();
            self.doubt.forget_token();
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
        let watched_until = self.doubt.watched_until(now);
        Some(View {
            token,
            until: watched_until.map_or(until, |end| end.earlier(until)),
            is_watched: watched_until.is_some(),
        })
    }

    /// Returns when the next decision is due: the fetch is overdue, the backoff has passed, or the refresh
    /// window opens. `None` before the first fetch.
    pub fn next_check(&self, now: Timestamp) -> Option<Timestamp> {
        let pending = self.pending.map(PendingFetch::overdue);
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

    /// Returns whether the last fetch failed.
    pub fn is_failing(&self) -> bool {
        self.backoff.is_some()
    }

    /// Returns the token that may be attached at `now`, if there is one.
    pub fn usable(&self, now: Timestamp) -> Option<&AccessToken> {
        let has_proof = self.doubt.proof_at().is_some();
        let token = self.token().filter(|_| !has_proof)?;
        token.is_usable(now).then_some(token)
    }

    /// Returns how long no token has been usable at `now`; `None` if one is, or there was never one.
    pub fn expired_for(&self, now: Timestamp) -> Option<Duration> {
        let token = self.token().filter(|_| self.usable(now).is_none())?;
        let expired = token.schedule().deadline().elapsed(now);
        let unauthorized = self.doubt.proof_at().map(|at| at.elapsed(now));
        Some(unauthorized.unwrap_or_default().max(expired))
    }

    /// Returns how long the newest token could be attached when it was received, also if it has expired.
    pub fn lifetime(&self) -> Option<Duration> {
        self.held.as_ref().map(Held::lifetime)
    }

    /// Returns the newest token, also if it has expired or is unauthorized.
    pub fn token(&self) -> Option<&AccessToken> {
        self.held.as_ref().map(|held| &held.token)
    }

    /// Returns the generation of the newest token, counted from 1; `None` before the first.
    pub fn generation(&self) -> Option<u64> {
        self.token().map(AccessToken::generation)
    }

    /// Returns how long the issuer may still return the held token, which has expired and is one that it reuses: its
    /// expiry was rounded down by up to a second.
    pub fn reused_for(&self, now: Timestamp) -> Duration {
        let is_expired = self.usable(now).is_none() && !self.doubt.is_open();
        let held = self.held.as_ref().filter(|_| is_expired);
        held.map_or(Duration::ZERO, |held| held.reused_for(now))
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
        self.expired = ExpiredTokens::default();
        let pending = PendingFetch::new(self.fetches, self.reason(now), now, policy);
        self.is_forced = false;
        Ok(*self.pending.insert(pending))
    }

    /// Returns the reason for a fetch that is spawned at `now`.
    fn reason(&self, now: Timestamp) -> FetchReason {
        match self.held {
            _ if self.is_forced => FetchReason::Forced,
            None => FetchReason::Initial,
            Some(_) if self.doubt.is_open() => FetchReason::Unauthorized,
            Some(_) if self.usable(now).is_some() => FetchReason::Refresh,
            Some(_) => FetchReason::Expired,
        }
    }

    /// Returns when a background fetch begins, as of `now`: at once if the API did not take `token`. A refresh
    /// does not begin in the first 10 s; and nothing does in the background after one that was aborted with its
    /// runtime, as the next could be. Then the next fetch is made in the foreground, once the token has expired.
    fn refresh_at(&self, token: &AccessToken, now: Timestamp) -> Timestamp {
        let (refresh_at, deadline) = (token.schedule().refresh_at(), token.schedule().deadline());
        match self.refreshes_from {
            _ if self.doubt.proof_at().is_some() => now,
            _ if self.aborts > 0 => deadline,
            _ if self.doubt.is_open() => now,
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
        let held = self.held.as_ref();
        let is_new = !held.is_some_and(|held| held.is(&bearer));
        let Some(schedule) = Held::schedule(held, &bearer, lifetime, now, jitter, policy) else {
            let detail = "token already expired when received";
            let failure = Failure::new(FailureKind::InvalidResponse, detail);
            return self.fail(failure.into(), now, jitter, policy);
        };
        self.doubt.grant(is_new, lifetime.sent(), now);
        self.held = Some(match self.held.take().filter(|_| !is_new) {
            Some(held) => held.reissued(bearer, schedule),
            None => {
                self.generations += 1;
                Held::new(bearer, self.generations, schedule, lifetime, now, policy)
            }
        });
        self.backoff = None;
    }

    fn fail(&mut self, error: E, now: Timestamp, jitter: f64, policy: &Policy) {
        let is_refresh = self.usable(now).is_some();
        let last = self.backoff.take().map(|last| *last);
        let backoff = Backoff::new(error, last, is_refresh, now, jitter, policy);
        self.backoff = Some(Box::new(backoff));
    }
}

impl<E: FetchError> Default for State<E> {
    fn default() -> Self {
        Self::new()
    }
}
