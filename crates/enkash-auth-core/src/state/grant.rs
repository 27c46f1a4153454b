use std::time::Duration;

use super::{
    State,
    held::{Held, Refusal},
    issuer::{Issuer, good_moment},
};
use crate::{
    AccessToken, Bearer, Error, ErrorKind, Moment, RefreshPolicy,
    lifetime::{Lifetime, Schedule},
};

/// The shortest pause before a sticky issuer is asked again for the token after the one that is over.
const REPEAT: Duration = Duration::from_millis(250);

/// The pause once it has been asked more often than any rounding explains.
const LONG_REPEAT: Duration = Duration::from_secs(1);

/// So often: in the last second of a token, and in the two in which it may be over.
const MANY_REPEATS: u32 = 6;

impl State {
    /// Flight `number` was answered with `bearer`. `Some` where that is the token at hand, or any of an
    /// issuer known to be sticky, and nothing is left of it: the issuer mints the next one within a
    /// second, and is to be asked again, by the same flight, after this pause.
    pub fn answered(
        &mut self,
        number: u64,
        bearer: &Bearer,
        lifetime: &Lifetime,
        now: Moment,
        policy: &RefreshPolicy,
    ) -> Option<Duration> {
        self.flight.filter(|flight| flight.number() == number)?;
        let mut first_seen = None;
        if let Some(held) = self.held.as_mut().filter(|held| held.is(bearer)) {
            self.issuer.repeated();
            held.last_alive = lifetime.sent();
            first_seen = Some(held.first_seen);
        } else if !self.issuer.is_sticky() {
            return None;
        }
        if self
            .schedule(lifetime, policy, 0.0)
            .is_some_and(|schedule| !schedule.deadline().is_over(now))
        {
            return None;
        }
        self.repeats += 1;
        if self.repeats > MANY_REPEATS {
            return Some(LONG_REPEAT);
        }
        let again = now.plus(REPEAT);
        // Another cache had it minted: nobody here knows when.
        let again = first_seen.map_or(again, |first_seen| good_moment(first_seen, again));
        Some(again.on_monotonic().remaining(now))
    }

    /// A flight has landed with `bearer`.
    pub(super) fn grant(
        &mut self,
        bearer: Bearer,
        lifetime: &Lifetime,
        now: Moment,
        draw: f64,
        policy: &RefreshPolicy,
    ) {
        let held = self.held.take();
        let is_same = held.as_ref().is_some_and(|held| held.is(&bearer));
        if is_same {
            self.issuer.repeated();
        }
        let life = match &held {
            Some(held) if !is_same => {
                self.issuer.replaced(held);
                self.issuer.life(lifetime)
            }
            _ => None,
        };
        let lifetime = life.map_or(*lifetime, |life| lifetime.lasting(life.length));
        let schedule = self
            .schedule(&lifetime, policy, draw)
            .filter(|schedule| !schedule.deadline().is_over(now));
        let Some(schedule) = schedule else {
            self.held = held;
            let error = Error::new(ErrorKind::InvalidAnswer, "the token was over when it came");
            return self.fail(error, now, draw, policy);
        };
        self.held = Some(match held {
            Some(held) if is_same => Self::again(held, bearer, schedule, lifetime.sent(), now),
            _ => {
                self.generations += 1;
                Held {
                    token: AccessToken::new(bearer, self.generations, schedule),
                    first_seen: now,
                    last_alive: lifetime.sent(),
                    next: life.and_then(|life| life.next).map(|next| now.plus(next)),
                    refusal: Refusal::None,
                }
            }
        });
        self.settled();
    }

    /// Where the next token comes only when this one is over, a long guard is a long gap: it is as
    /// short as it may be.
    fn schedule(&self, lifetime: &Lifetime, policy: &RefreshPolicy, draw: f64) -> Option<Schedule> {
        if !self.issuer.is_sticky() {
            return Schedule::new(lifetime, policy, draw);
        }
        let mut policy = policy.clone();
        policy.guard_max = Duration::ZERO;
        Schedule::new(lifetime, &policy, draw)
    }

    /// The token at hand came again: it keeps its generation, and its end is anchored anew. Of two
    /// ends that differ by rounding, the later one is right.
    fn again(held: Held, bearer: Bearer, schedule: Schedule, sent: Moment, now: Moment) -> Held {
        let [old, new] = [held.token.schedule(), &schedule].map(|schedule| schedule.expiry());
        let keeps = !held.token.schedule().deadline().is_over(now)
            && new.monotonic_nanos() < old.monotonic_nanos()
            && Issuer::is_rounding(new, old, sent, now);
        let schedule = if keeps {
            *held.token.schedule()
        } else {
            schedule
        };
        Held {
            token: AccessToken::new(bearer, held.token.generation(), schedule),
            last_alive: sent,
            refusal: match held.refusal {
                // An issuer that was asked before knows nothing of it.
                Refusal::Standing(at) if sent.monotonic_nanos() >= at.monotonic_nanos() => {
                    Refusal::Answered
                }
                before => before,
            },
            ..held
        }
    }
}
