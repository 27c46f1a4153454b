use std::time::Duration;

use super::{State, held::Held};
use crate::{
    Bearer, Error, ErrorKind, Moment, RefreshPolicy,
    lifetime::{Lifetime, Schedule},
};

/// The pause before the issuer is asked again for the token after one that has expired.
const REPEAT: Duration = Duration::from_millis(250);

/// The pause once it has been asked more often than margin and rounding explain.
const LONG_REPEAT: Duration = Duration::from_secs(1);

/// How many of the shorter pauses cover the margin, and a lifetime rounded down to whole seconds.
const SHORT_REPEATS: u32 = 6;

/// A token of which less is left is replaced by its issuer within so long.
const LAST_SECOND: Duration = Duration::from_secs(1);

/// Responses of one fetch with a token that had expired.
#[derive(Clone, Debug)]
pub(super) struct Expired {
    bearer: Bearer,
    responses: u32,
}

impl State {
    /// Records that fetch `number` received `bearer`. Returns the pause after which the same fetch
    /// asks again: the token has expired, and where its issuer reuses tokens the next one exists
    /// within a second.
    ///
    /// `None` for a token that can be used; for one that had a second or more left and expired on the
    /// way; and for the second expired one where the two differ: then the issuer does not reuse tokens.
    pub fn answered(
        &mut self,
        number: u64,
        bearer: &Bearer,
        lifetime: &Lifetime,
        now: Moment,
        policy: &RefreshPolicy,
    ) -> Option<Duration> {
        self.flight.filter(|flight| flight.number() == number)?;
        let is_last_second = lifetime.length().is_none_or(|length| length < LAST_SECOND);
        if !is_last_second || self.schedule(bearer, lifetime, now, 0.0, policy).is_some() {
            return None;
        }
        let responses = match &self.expired {
            Some(last) if last.bearer != *bearer => return None,
            Some(last) => last.responses.saturating_add(1),
            None => 1,
        };
        self.expired = Some(Expired {
            bearer: bearer.clone(),
            responses,
        });
        Some(if responses > SHORT_REPEATS {
            LONG_REPEAT
        } else {
            REPEAT
        })
    }

    /// Takes the token that a fetch has brought, unless it has expired by now.
    pub(super) fn grant(
        &mut self,
        bearer: Bearer,
        lifetime: &Lifetime,
        now: Moment,
        draw: f64,
        policy: &RefreshPolicy,
    ) {
        let Some(schedule) = self.schedule(&bearer, lifetime, now, draw, policy) else {
            let error = Error::new(
                ErrorKind::InvalidResponse,
                "token already expired when received",
            );
            return self.fail(error, now, draw, policy);
        };
        self.held = Some(match self.held.take() {
            Some(held) if held.is(&bearer) => held.again(bearer, schedule, lifetime.sent()),
            _ => {
                self.generations += 1;
                Held::new(bearer, self.generations, schedule, lifetime.sent())
            }
        });
        self.settled();
    }

    /// The schedule of `bearer`; `None` where it has expired, or its deadline has passed.
    fn schedule(
        &self,
        bearer: &Bearer,
        lifetime: &Lifetime,
        now: Moment,
        draw: f64,
        policy: &RefreshPolicy,
    ) -> Option<Schedule> {
        let held = self.held.as_ref().filter(|held| held.is(bearer));
        let schedule = match held {
            Some(held) => held.reused(lifetime, now, draw, policy),
            None => Schedule::new(lifetime, policy, draw),
        };
        schedule.filter(|schedule| !schedule.deadline().is_over(now))
    }
}
