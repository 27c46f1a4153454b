use std::time::Duration;

use super::{
    Decision, Flight, Outcome, Reason, Verdict,
    bucket::Bucket,
    grant::Expired,
    held::{Held, Refusal},
    pause::Pause,
};
use crate::{Error, ErrorKind, Moment, RefreshPolicy};

/// No background refresh begins for so long after the first call: a program that runs every minute
/// would end under it.
const FIRST_REFRESH: Duration = Duration::from_secs(10);

/// The state of one cache: the token at hand, the flight that is on, the pause after a failure.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The newest token, also when it is over.
    pub(super) held: Option<Held>,
    pub(super) flight: Option<Flight>,
    /// The last failure, until a flight succeeds; also when its pause is over.
    pub(super) pause: Option<Pause>,
    /// Failures in a row that callers waited for.
    pub(super) failures: u32,
    /// Failures in a row behind a token that was good still.
    pub(super) failures_behind: u32,
    /// Flights in a row that ended with their runtime.
    pub(super) aborts: u32,
    /// From here on a token is refreshed in the background.
    pub(super) refreshes_from: Option<Moment>,
    /// What this flight was answered with, if that was an expired token.
    pub(super) expired: Option<Expired>,
    pub(super) flights: u64,
    pub(super) generations: u64,
    bucket: Bucket,
    distrust_connection: bool,
    /// Somebody has seen to it that the next flight need not wait, or has a reason of its own.
    pub(super) is_forced: bool,
}

/// A flight that somebody joined or launched.
struct Joined {
    flight: Flight,
    is_new: bool,
}

impl State {
    /// Nothing held, nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody asks for a token. `can_fetch`: whether a flight could be launched for it and waited
    /// for, which takes a runtime.
    pub fn ask(&mut self, now: Moment, can_fetch: bool, policy: &RefreshPolicy) -> Decision {
        self.refreshes_from.get_or_insert(now.plus(FIRST_REFRESH));
        let abandoned = self.abandon_overdue(now);
        let usable = self.held.as_ref().filter(|held| held.is_usable(now));
        let (verdict, launch) = match usable.map(|held| held.token.clone()) {
            Some(token) if !self.refresh_at(&token, now).is_over(now) => {
                (Verdict::Serve(token), None)
            }
            Some(token) => {
                let joined = self.join_or_launch(Reason::Early, now, can_fetch, policy);
                (
                    Verdict::Serve(token),
                    joined.ok().and_then(Joined::launched),
                )
            }
            None => match self.join_or_launch(self.need(), now, can_fetch, policy) {
                Ok(joined) => (Verdict::Wait(joined.flight), joined.launched()),
                Err(error) => (Verdict::Fail(error), None),
            },
        };
        Decision {
            verdict,
            launch,
            abandoned,
        }
    }

    /// Flight `number` lands. `draw`, in `[0, 1]`, is random. False where that flight has been
    /// abandoned: then it changes nothing.
    pub fn land(
        &mut self,
        number: u64,
        outcome: Outcome,
        now: Moment,
        draw: f64,
        policy: &RefreshPolicy,
    ) -> bool {
        if self
            .flight
            .take_if(|flight| flight.number == number)
            .is_none()
        {
            return false;
        }
        self.distrust_connection = !matches!(outcome, Outcome::Granted(..));
        self.aborts = match outcome {
            Outcome::Aborted => self.aborts.saturating_add(1),
            _ => 0,
        };
        match outcome {
            Outcome::Granted(bearer, lifetime) => self.grant(bearer, &lifetime, now, draw, policy),
            Outcome::Failed(error) => self.fail(error, now, draw, policy),
            // One is no failure: the next call launches another fetch. In a row they are a storm.
            Outcome::Aborted if self.aborts > 1 => {
                let detail = "the runtime that fetched was shut down";
                let error = Error::new(ErrorKind::Unavailable, detail);
                self.fail(error, now, draw, policy);
            }
            Outcome::Aborted => {}
        }
        true
    }

    /// The API refused the token of `generation`. True where that changes something: it was the
    /// token at hand, and another one is to be fetched for it.
    ///
    /// A late refusal of an older token changes nothing; nor does a second one of the same, unless it
    /// comes 5 minutes after the issuer has answered the first with that token; nor any beyond two at
    /// once and one more every 30 s: then the API's answer is the caller's.
    pub fn refuse(&mut self, generation: u64, now: Moment) -> bool {
        let Some(held) = &mut self.held else {
            return false;
        };
        let is_news = held.token.generation() == generation && held.is_in_doubt(now);
        if is_news && self.bucket.take(now) {
            held.refusal = Refusal::Standing(now);
            return true;
        }
        false
    }

    /// The flight that is on, or a new one; an error where none may be launched.
    fn join_or_launch(
        &mut self,
        reason: Reason,
        now: Moment,
        can_fetch: bool,
        policy: &RefreshPolicy,
    ) -> Result<Joined, Error> {
        if let (None, Some(error)) = (self.flight, self.error_at(now)) {
            return Err(error);
        }
        if !can_fetch {
            return Err(Error::new(ErrorKind::NoRuntime, ""));
        }
        if let Some(flight) = self.flight {
            return Ok(Joined {
                flight,
                is_new: false,
            });
        }
        self.flights += 1;
        self.expired = None;
        let is_forced = std::mem::take(&mut self.is_forced);
        // A sixteenth more than the fetch itself may take: it ends itself where it is driven at all.
        let limit = policy
            .fetch_timeout
            .saturating_add(policy.fetch_timeout / 16);
        let flight = Flight {
            number: self.flights,
            reason: if is_forced { Reason::Forced } else { reason },
            overdue: now.plus(limit).on_monotonic(),
            fresh_connection: self.distrust_connection,
        };
        self.flight = Some(flight);
        Ok(Joined {
            flight,
            is_new: true,
        })
    }

    /// Why a token is needed when none is usable.
    fn need(&self) -> Reason {
        match &self.held {
            None => Reason::Cold,
            Some(held) if held.refused_at().is_some() => Reason::Refused,
            Some(_) => Reason::Over,
        }
    }

    fn abandon_overdue(&mut self, now: Moment) -> bool {
        let overdue = self.flight.take_if(|flight| flight.overdue.is_over(now));
        self.distrust_connection |= overdue.is_some();
        overdue.is_some()
    }

    /// A failure behind a token that is good is nobody's loss, and its pauses may grow. They are not those
    /// of who goes without: once the token is over, or was refused, these begin anew.
    pub(super) fn fail(&mut self, error: Error, now: Moment, draw: f64, policy: &RefreshPolicy) {
        let is_behind = self.usable(now).is_some();
        if self
            .pause
            .as_ref()
            .is_some_and(|last| !last.goes_on_with(&error))
        {
            self.failures = 0;
            self.failures_behind = 0;
        }
        let failures = if is_behind {
            &mut self.failures_behind
        } else {
            &mut self.failures
        };
        *failures = failures.saturating_add(1);
        self.pause = Some(Pause::new(error, *failures, is_behind, now, draw, policy));
    }
}

impl Joined {
    fn launched(self) -> Option<Flight> {
        self.is_new.then_some(self.flight)
    }
}
