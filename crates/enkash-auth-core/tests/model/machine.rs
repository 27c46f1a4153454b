use std::time::Duration;

use enkash_auth_core::{
    Bearer, Failure, FailureKind, Policy, Timestamp,
    lifetime::{Exchange, Expiry},
    state::{Decision, FetchOutcome, Lookup, State},
};
use proptest::prelude::*;

use super::events::{Event, How, any_event};

const START: Timestamp = Timestamp::new(1_000_000_000_000, 1_767_268_800_000_000_000);

/// The reference model.
struct Model {
    now: Timestamp,
    token: Option<Token>,
    pending: Option<u64>,
    fetches: u64,
    minted: u64,
    /// When the first lookup was made.
    first_lookup: Option<Timestamp>,
    /// Whether the last fetch was aborted.
    is_aborted: bool,
    /// The failure of the last fetch, unless an event has ended its backoff.
    failed: Option<Failed>,
}

struct Failed {
    at: u64,
    /// Whether the cached token may have been usable.
    is_refresh: bool,
}

struct Token {
    text: String,
    generation: u64,
    sent: Timestamp,
    lifetime: Duration,
    /// How much longer it may live: of two expiries that differ by rounding the later one is right.
    rounding: Duration,
    is_unauthorized: bool,
}

impl Token {
    /// Usable in any case: no expiry margin is longer than an eighth.
    fn is_surely_good(&self, now: Timestamp) -> bool {
        !self.is_unauthorized && !(self.sent + self.lifetime * 7 / 8).has_passed(now)
    }

    fn end(&self) -> Timestamp {
        (self.sent + self.lifetime) + self.rounding
    }

    fn has_passed(&self, now: Timestamp) -> bool {
        self.end().has_passed(now)
    }
}

impl Model {
    fn pass(&mut self, monotonic: Duration, unix: Duration) {
        self.now = Timestamp::new(
            (self.now + monotonic).monotonic_nanos(),
            (self.now + unix).unix_nanos(),
        );
    }

    fn lookup(&mut self, decision: &Decision, state: &State, can_fetch: bool) {
        let first_lookup = *self.first_lookup.get_or_insert(self.now);
        if decision.abandoned {
            self.pending = None;
            self.failed = None;
        }
        if let Some(spawn) = decision.spawn {
            assert!(can_fetch, "no fetch without a runtime");
            assert!(self.pending.is_none(), "one fetch at a time");
            assert!(spawn.number() > self.fetches, "numbers are unique");
            let is_good = self
                .token
                .as_ref()
                .is_some_and(|token| token.is_surely_good(self.now));
            if let Some(failed) = &self.failed {
                let since = self.now.monotonic_nanos() - failed.at;
                // After a failed refresh, as long as the token is usable.
                let is_backing_off = since < 500_000_000 && (is_good || !failed.is_refresh);
                assert!(!is_backing_off, "backoff after a failure: {since}");
            }
            if is_good {
                assert!(!self.is_aborted, "no background fetch after an aborted one");
                let is_young = !(first_lookup + Duration::from_secs(10)).has_passed(self.now);
                assert!(!is_young, "no background fetch in the first 10 s");
            }
            (self.pending, self.fetches) = (Some(spawn.number()), spawn.number());
        }
        assert_eq!(
            state.pending().map(|pending| pending.number()),
            self.pending
        );
        let good = self
            .token
            .as_ref()
            .filter(|token| token.is_surely_good(self.now));
        match &decision.lookup {
            Lookup::Ready(served) => {
                let token = self.token.as_ref().unwrap();
                assert_eq!(
                    (served.expose(), served.generation()),
                    (&*token.text, token.generation)
                );
                assert!(
                    !token.has_passed(self.now),
                    "no token at or past its expiry"
                );
                assert!(!token.is_unauthorized, "no unauthorized token");
            }
            Lookup::Pending(pending) => {
                assert_eq!(Some(pending.number()), self.pending);
                assert!(good.is_none(), "no wait with a usable token");
            }
            Lookup::Failed(_) => assert!(good.is_none(), "no failure with a usable token"),
        }
    }

    fn complete(&mut self, state: &mut State, late: bool, how: How, jitter: f64, policy: &Policy) {
        let number = match (late, self.pending) {
            (false, Some(number)) => number,
            // One that was pending before, or never.
            _ => self.fetches.saturating_sub(1),
        };
        let is_pending = self.pending == Some(number);
        let granted = match &how {
            How::Granted { is_new, lifetime } => Some((*is_new || self.token.is_none(), *lifetime)),
            _ => None,
        };
        let text = match (&granted, &self.token) {
            (Some((false, _)), Some(token)) => token.text.clone(),
            _ => {
                self.minted += 1;
                format!("token-{}", self.minted)
            }
        };
        let outcome = match &how {
            How::Granted { lifetime, .. } => FetchOutcome::Granted(
                Bearer::new(&text).unwrap(),
                Exchange::new(self.now, None).lifetime(&[Expiry::In(*lifetime)]),
            ),
            How::Failed(kind) => FetchOutcome::Failed(Failure::new(*kind, "")),
            How::Aborted => FetchOutcome::Aborted,
        };
        let before = format!("{state:?}");
        assert_eq!(
            state.complete(number, outcome, self.now, jitter, policy),
            is_pending
        );
        if !is_pending {
            assert_eq!(
                format!("{state:?}"),
                before,
                "an abandoned fetch changes nothing"
            );
            return;
        }
        (self.pending, self.failed) = (None, None);
        self.is_aborted = matches!(how, How::Aborted);
        match granted {
            None if matches!(how, How::Failed(_)) => {
                let good = |token: &Token| !token.is_unauthorized && !token.has_passed(self.now);
                self.failed = Some(Failed {
                    at: self.now.monotonic_nanos(),
                    is_refresh: self.token.as_ref().is_some_and(good),
                });
            }
            None => {}
            Some((is_new, lifetime)) => {
                let last = self.token.as_ref();
                let generation = state.generation().unwrap();
                match last {
                    Some(last) if !is_new => assert_eq!(generation, last.generation),
                    Some(last) => assert!(generation > last.generation),
                    None => {}
                }
                self.token = Some(Token {
                    // The same token again: its issuer confirms it, so it is used.
                    is_unauthorized: false,
                    text,
                    generation,
                    sent: self.now,
                    lifetime,
                    rounding: if is_new {
                        Duration::ZERO
                    } else {
                        Duration::from_secs(1)
                    },
                });
            }
        }
    }

    fn unauthorized(&mut self, state: &mut State, late: bool) {
        let Some(token) = &mut self.token else { return };
        let generation = token.generation.saturating_sub(u64::from(late));
        if state.unauthorized(generation, self.now) {
            assert!(!late, "a stale 401 evicts nothing");
            token.is_unauthorized = true;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn random_events_match_reference_model(
        events in prop::collection::vec(any_event(), 1..80),
    ) {
        let policy = Policy::default();
        let mut state = State::new();
        let mut model = Model {
            now: START,
            token: None,
            pending: None,
            fetches: 0,
            minted: 0,
            first_lookup: None,
            is_aborted: false,
            failed: None,
        };
        for event in events {
            match event {
                Event::Lookup { can_fetch } => {
                    let ready = can_fetch
                        .then_some(())
                        .ok_or_else(|| Failure::new(FailureKind::Unavailable, "no runtime"));
                    let decision = state.lookup(model.now, ready, &policy);
                    model.lookup(&decision, &state, can_fetch);
                }
                Event::Complete { late, how, jitter } => model.complete(&mut state, late, how, jitter, &policy),
                Event::Unauthorized { late } => model.unauthorized(&mut state, late),
                Event::Pass(span) => model.pass(span, span),
                Event::Suspend(span) => model.pass(Duration::from_nanos(1), span),
                Event::SetBack(span) => {
                    let unix = (model.now - span).unix_nanos();
                    model.now = Timestamp::new(model.now.monotonic_nanos(), unix);
                }
                Event::ChangeCredentials { keeps_token } => {
                    state.change_credentials(keeps_token);
                    (model.pending, model.failed) = (None, None);
                    if !keeps_token {
                        model.token = None;
                    }
                }
                Event::ClearBackoff => {
                    state.clear_backoff();
                    model.failed = None;
                }
            }
            if let (Some(view), Some(token)) = (state.view(model.now), &model.token) {
                prop_assert_eq!(view.token().expose(), &*token.text);
                prop_assert!(!token.is_unauthorized);
                prop_assert!(!token.end().has_passed(view.until()), "no view past the expiry");
            }
        }
    }
}
