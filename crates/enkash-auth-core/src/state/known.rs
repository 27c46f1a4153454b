//! What a state knows, as it stands at a moment. Nothing here changes it.

use std::time::Duration;

use super::{Flight, View, held::Held, machine::State};
use crate::{AccessToken, Error, Moment, RefreshPolicy};

impl State {
    /// The token that may be attached without asking, and until when, as things stand at `now`.
    pub fn view(&self, now: Moment) -> Option<View> {
        let held = self.held.as_ref();
        let token = held.filter(|held| held.is_usable(now))?.token.clone();
        let until = token.schedule().deadline().earlier(self.next_look(now)?);
        Some(View { token, until })
    }

    /// When there is something to decide again, should nobody ask before: the flight is overdue, the
    /// pause is over, or the early window opens. `None` before anything has happened.
    pub fn next_look(&self, now: Moment) -> Option<Moment> {
        let flight = self.flight.map(|flight| flight.overdue);
        let pause = || self.pause_end(now);
        let refresh = || self.token().map(|token| self.refresh_at(token, now));
        flight.or_else(pause).or_else(refresh)
    }

    /// When a background refresh of `token` begins, as things stand at `now`: not in the first 10 s,
    /// and not after one that ended with its runtime, as the next might. Then the next fetch is made
    /// in the foreground, when the token has expired.
    pub(super) fn refresh_at(&self, token: &AccessToken, now: Moment) -> Moment {
        let (early, deadline) = (token.schedule().early(), token.schedule().deadline());
        match self.refreshes_from {
            _ if self.aborts > 0 => deadline,
            Some(from) if !from.is_over(now) && early.is_over(from) => from.earlier(deadline),
            _ => early,
        }
    }

    /// When a cache that is kept warm asks by itself; `None` for not before somebody else does.
    pub fn next_look_unasked(&self, now: Moment, policy: &RefreshPolicy) -> Option<Moment> {
        match &self.pause {
            Some(pause) if self.flight.is_none() && pause.may_count() => {
                pause.until_unasked(policy)
            }
            Some(_) => Some(self.next_look(now).unwrap_or(now)),
            None if self.is_owed() => Some(now),
            None => self.next_look(now),
        }
    }

    /// Whether a refused token waits for a flight that nobody has launched: the last one brought an answer
    /// from before the refusal.
    fn is_owed(&self) -> bool {
        let refused = self.held.as_ref().and_then(Held::refused_at);
        refused.is_some() && self.flight.is_none()
    }

    /// The error that everybody is told at `now`: that of the last flight, until the pause after it
    /// is over.
    pub fn error_at(&self, now: Moment) -> Option<Error> {
        self.pause_end(now).and_then(|_| self.last_error(now))
    }

    /// When the pause that is on ends; `None` where none is. One behind a token that is good ends with
    /// that, unless the server said when to come back.
    fn pause_end(&self, now: Moment) -> Option<Moment> {
        let pause = self.pause.as_ref()?;
        let end = match self.usable(now) {
            Some(token) => pause.until(false).earlier(token.schedule().deadline()),
            None => pause.until(true),
        };
        (!end.is_over(now)).then_some(end)
    }

    /// The token that may be attached at `now`, if there is one.
    pub fn usable(&self, now: Moment) -> Option<&AccessToken> {
        let held = self.held.as_ref().filter(|held| held.is_usable(now))?;
        Some(&held.token)
    }

    /// How long there has been none at `now`; `None` where there is one, or has never been.
    pub fn over_for(&self, now: Moment) -> Option<Duration> {
        let held = self.held.as_ref().filter(|held| !held.is_usable(now))?;
        let over = held.token.schedule().deadline().over_for(now);
        let refused = held.refused_at().map(|at| at.over_for(now));
        Some(refused.map_or(over, |refused| refused.max(over)))
    }

    /// The newest token, also when it is over or was refused.
    pub fn token(&self) -> Option<&AccessToken> {
        self.held.as_ref().map(|held| &held.token)
    }

    /// Which token is the newest, counted from 1; `None` before the first.
    pub fn generation(&self) -> Option<u64> {
        self.token().map(AccessToken::generation)
    }

    /// The flight that is on.
    pub fn flight(&self) -> Option<Flight> {
        self.flight
    }

    /// How many flights there have been.
    pub fn flights(&self) -> u64 {
        self.flights
    }

    /// Why the last flight failed, if it did, and how long from `now` the pause after it lasts.
    pub fn last_error(&self, now: Moment) -> Option<Error> {
        let is_needed = self.usable(now).is_none();
        self.pause
            .as_ref()
            .map(|pause| pause.error_at(now, is_needed))
    }
}
