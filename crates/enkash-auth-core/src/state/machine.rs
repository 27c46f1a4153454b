use std::time::Duration;

use super::{
    Decision, FetchOutcome, FetchReason, Lookup, PendingFetch, View, backoff::Backoff, held::Held,
};
use crate::{
    AccessToken, Bearer, Error, ErrorKind, RefreshPolicy, Timestamp,
    lifetime::{Lifetime, Schedule},
};

/// No background refresh begins for so long after the first call: a program that runs every minute
/// would end under it.
const FIRST_REFRESH: Duration = Duration::from_secs(10);

/// The pause before the issuer is asked again for the token after one that has expired.
const REPEAT: Duration = Duration::from_millis(250);

/// The pause once it has been asked more often than margin and rounding explain.
const LONG_REPEAT: Duration = Duration::from_secs(1);

/// How many of the shorter pauses cover the margin, and a lifetime rounded down to whole seconds.
const SHORT_REPEATS: u32 = 6;

/// A token of which less is left is replaced by its issuer within so long.
const LAST_SECOND: Duration = Duration::from_secs(1);

/// Two refusals by the API cause a fetch at once, and one more in each such time, in nanoseconds: an API
/// that answers 401 to everything makes no storm.
const REFILL: u64 = 30_000_000_000;

/// Holds the state of one cache: the newest token, the flight that is on, the pause after a failure.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The newest token, also when it has expired.
    held: Option<Held>,
    pending: Option<PendingFetch>,
    /// The last failure, until a flight succeeds; also when its pause has passed.
    backoff: Option<Backoff>,
    /// Flights in a row that ended with their runtime.
    aborts: u32,
    /// From here on a token is refreshed in the background.
    refreshes_from: Option<Timestamp>,
    /// The expired token that this flight was answered with, and how often.
    expired: Option<(Bearer, u32)>,
    fetches: u64,
    generations: u64,
    /// When two refusals may cause a fetch at once again, on the monotonic clock.
    refilled: u64,
    /// Whether the next flight was asked for by an operator, or makes up for an abandoned one.
    is_forced: bool,
}

impl State {
    /// Creates the state of a cache that has asked for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decides what a caller gets. `can_fetch`: whether a flight could be launched for it and waited
    /// for, which takes a runtime.
    pub fn lookup(&mut self, now: Timestamp, can_fetch: bool, policy: &RefreshPolicy) -> Decision {
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

    /// Lands flight `number`. `jitter`, in `[0, 1]`, is random. Returns `false` where that flight has been
    /// abandoned: then it changes nothing.
    pub fn complete(
        &mut self,
        number: u64,
        outcome: FetchOutcome,
        now: Timestamp,
        jitter: f64,
        policy: &RefreshPolicy,
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
                // One is no failure: the next call launches another fetch. In a row they are a storm.
                if self.aborts > 1 {
                    let detail = "the runtime that fetched was shut down";
                    let error = Error::new(ErrorKind::Unavailable, detail);
                    self.fail(error, now, jitter, policy);
                }
            }
        }
        true
    }

    /// Records that fetch `number` received `bearer`. Returns the pause after which the same fetch
    /// asks again: the token has expired, and where its issuer reuses tokens the next one exists
    /// within a second.
    ///
    /// `None` for a token that can be used; for one that had a second or more left and expired on the
    /// way; and for the second expired one where the two differ: then the issuer does not reuse tokens.
    pub fn received(
        &mut self,
        number: u64,
        bearer: &Bearer,
        lifetime: &Lifetime,
        now: Timestamp,
        policy: &RefreshPolicy,
    ) -> Option<Duration> {
        self.pending.filter(|pending| pending.number == number)?;
        let is_last_second = lifetime.length().is_none_or(|length| length < LAST_SECOND);
        if !is_last_second || self.schedule(bearer, lifetime, now, 0.0, policy).is_some() {
            return None;
        }
        let (last, responses) = self.expired.get_or_insert_with(|| (bearer.clone(), 0));
        if last != bearer {
            return None;
        }
        *responses = responses.saturating_add(1);
        let is_long = *responses > SHORT_REPEATS;
        Some(if is_long { LONG_REPEAT } else { REPEAT })
    }

    /// Records that the API refused the token of `generation`. Returns whether that changes something: it
    /// was the newest token, and another one is to be fetched for it.
    ///
    /// A late refusal of an older token changes nothing; nor does a second one of the same, unless it
    /// comes 5 minutes after the issuer has answered the first with that token; nor any beyond two at
    /// once and one more every 30 s: then the API's answer is the caller's.
    pub fn unauthorized(&mut self, generation: u64, now: Timestamp) -> bool {
        let Some(held) = &mut self.held else {
            return false;
        };
        let at = now.monotonic_nanos();
        let refilled = self.refilled.max(at);
        let is_new = held.token.generation() == generation && held.is_in_doubt(now);
        if !is_new || refilled - at > REFILL {
            return false;
        }
        self.refilled = refilled.saturating_add(REFILL);
        held.unauthorized(now);
        true
    }

    /// Abandons the flight that is on, since other credentials are used from now on: its waiters must ask
    /// again. Returns whether there was one.
    ///
    /// `keeps_token`: whether a token of the old ones is as good as one of the new.
    pub fn change_credentials(&mut self, keeps_token: bool) -> bool {
        let abandoned = self.pending.take().is_some();
        if !keeps_token {
            self.is_forced |= self.held.take().is_some();
        }
        self.is_forced |= abandoned;
        self.clear_backoff();
        abandoned
    }

    /// Forgets failures, so that the next caller need not wait for the end of a pause.
    pub fn clear_backoff(&mut self) {
        self.is_forced |= self.backoff.take().is_some();
    }

    /// Returns the token that may be attached without asking, and until when, as things stand at `now`.
    pub fn view(&self, now: Timestamp) -> Option<View> {
        let token = self.usable(now)?.clone();
        let until = token.schedule().deadline().earlier(self.next_check(now)?);
        Some(View { token, until })
    }

    /// Returns when there is something to decide again without a caller: the flight is overdue, the
    /// pause has passed, or the early window opens. `None` before anything has happened.
    pub fn next_check(&self, now: Timestamp) -> Option<Timestamp> {
        let pending = self.pending.map(|pending| pending.overdue);
        let backoff = || self.backoff_end(now);
        let refresh = || self.token().map(|token| self.refresh_at(token, now));
        pending.or_else(backoff).or_else(refresh)
    }

    /// Returns when a cache that is kept warm asks by itself; `None` for not before a caller does.
    pub fn next_refresh(&self, now: Timestamp, policy: &RefreshPolicy) -> Option<Timestamp> {
        match &self.backoff {
            Some(backoff) if self.pending.is_none() && backoff.may_count() => {
                backoff.retry_at(policy)
            }
            Some(_) => Some(self.next_check(now).unwrap_or(now)),
            // The last flight brought an answer from before the refusal.
            None if self.pending.is_none() && self.unauthorized_at().is_some() => Some(now),
            None => self.next_check(now),
        }
    }

    /// Returns the error of the last flight, until the pause after it has passed.
    pub fn error_at(&self, now: Timestamp) -> Option<Error> {
        self.backoff_end(now).and_then(|_| self.last_error(now))
    }

    /// Returns why the last flight failed, if it did, and how long from `now` the pause after it lasts.
    pub fn last_error(&self, now: Timestamp) -> Option<Error> {
        let is_needed = self.usable(now).is_none();
        let backoff = self.backoff.as_ref()?;
        Some(backoff.error_at(now, is_needed))
    }

    /// Returns the token that may be attached at `now`, if there is one.
    pub fn usable(&self, now: Timestamp) -> Option<&AccessToken> {
        let held = self.held.as_ref().filter(|held| held.is_usable(now))?;
        Some(&held.token)
    }

    /// Returns for how long there has been none at `now`; `None` where there is one, or has never been.
    pub fn expired_for(&self, now: Timestamp) -> Option<Duration> {
        let held = self.held.as_ref().filter(|held| !held.is_usable(now))?;
        let expired = held.token.schedule().deadline().elapsed(now);
        let unauthorized = held.unauthorized_at().map(|at| at.elapsed(now));
        Some(unauthorized.unwrap_or_default().max(expired))
    }

    /// Returns the newest token, also when it has expired or was refused.
    pub fn token(&self) -> Option<&AccessToken> {
        self.held.as_ref().map(|held| &held.token)
    }

    /// Returns which token is the newest, counted from 1; `None` before the first.
    pub fn generation(&self) -> Option<u64> {
        self.token().map(AccessToken::generation)
    }

    /// Returns the flight that is on.
    pub fn pending(&self) -> Option<PendingFetch> {
        self.pending
    }

    /// Returns how many flights there have been.
    pub fn fetches(&self) -> u64 {
        self.fetches
    }

    /// Returns the flight that is on, or a new one; an error where none may be launched.
    fn join_or_spawn(
        &mut self,
        reason: FetchReason,
        now: Timestamp,
        can_fetch: bool,
        policy: &RefreshPolicy,
    ) -> Result<PendingFetch, Error> {
        if let (None, Some(error)) = (self.pending, self.error_at(now)) {
            return Err(error);
        }
        if !can_fetch {
            return Err(Error::new(ErrorKind::NoRuntime, ""));
        }
        if let Some(pending) = self.pending {
            return Ok(pending);
        }
        self.fetches += 1;
        self.expired = None;
        let is_forced = std::mem::take(&mut self.is_forced);
        // A sixteenth more than the fetch itself may take: it ends itself where it is driven at all.
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

    /// Returns why a token is needed when none is usable.
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

    /// Returns when a background refresh of `token` begins, as things stand at `now`: not in the first
    /// 10 s, and not after one that ended with its runtime, as the next might. Then the next fetch is made
    /// in the foreground, when the token has expired.
    fn refresh_at(&self, token: &AccessToken, now: Timestamp) -> Timestamp {
        let (early, deadline) = (token.schedule().refresh_at(), token.schedule().deadline());
        match self.refreshes_from {
            _ if self.aborts > 0 => deadline,
            Some(from) if !from.has_passed(now) && early.has_passed(from) => from.earlier(deadline),
            _ => early,
        }
    }

    /// Returns when the pause that is on ends; `None` where none is. One behind a token that is good ends
    /// with that, unless the server said when to come back.
    fn backoff_end(&self, now: Timestamp) -> Option<Timestamp> {
        let backoff = self.backoff.as_ref()?;
        let end = match self.usable(now) {
            Some(token) => backoff.until(false).earlier(token.schedule().deadline()),
            None => backoff.until(true),
        };
        (!end.has_passed(now)).then_some(end)
    }

    /// Takes the token that a fetch has brought, unless it has expired by now.
    fn grant(
        &mut self,
        bearer: Bearer,
        lifetime: &Lifetime,
        now: Timestamp,
        jitter: f64,
        policy: &RefreshPolicy,
    ) {
        let Some(schedule) = self.schedule(&bearer, lifetime, now, jitter, policy) else {
            let detail = "token already expired when received";
            let error = Error::new(ErrorKind::InvalidResponse, detail);
            return self.fail(error, now, jitter, policy);
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

    fn fail(&mut self, error: Error, now: Timestamp, jitter: f64, policy: &RefreshPolicy) {
        let is_behind = self.usable(now).is_some();
        let last = self.backoff.take();
        self.backoff = Some(Backoff::new(error, last, is_behind, now, jitter, policy));
    }

    /// Returns the schedule of `bearer`; `None` where it has expired, or its deadline has passed.
    fn schedule(
        &self,
        bearer: &Bearer,
        lifetime: &Lifetime,
        now: Timestamp,
        jitter: f64,
        policy: &RefreshPolicy,
    ) -> Option<Schedule> {
        let schedule = match self.held.as_ref().filter(|held| held.is(bearer)) {
            Some(held) => held.reused(lifetime, now, jitter, policy),
            None => Schedule::new(lifetime, policy, jitter),
        };
        schedule.filter(|schedule| !schedule.deadline().has_passed(now))
    }
}
