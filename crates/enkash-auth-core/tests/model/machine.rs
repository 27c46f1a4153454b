use std::time::Duration;

use enkash_auth_core::{
    Bearer, Error, RefreshPolicy, Timestamp,
    lifetime::{Exchange, Expiry},
    state::{Decision, FetchOutcome, Lookup, State},
};
use proptest::prelude::*;

use super::events::{Event, How, any_event};

const START: Timestamp = Timestamp::new(1_000_000_000_000, 1_767_268_800_000_000_000);

/// What somebody would write down who only watches.
struct Model {
    now: Timestamp,
    token: Option<Token>,
    pending: Option<u64>,
    fetches: u64,
    minted: u64,
    /// When it was first asked.
    asked: Option<Timestamp>,
    /// Whether the last flight ended with its runtime.
    is_aborted: bool,
    /// When the last flight failed, unless something has happened that ends the pause.
    failed: Option<Failed>,
}

struct Failed {
    at: u64,
    /// Whether there may have been a token that was good still.
    behind: bool,
}

struct Token {
    text: String,
    generation: u64,
    sent: Timestamp,
    lifetime: Duration,
    /// How much longer it may live: of two ends that differ by rounding the later one is right.
    rounding: Duration,
    is_refused: bool,
}

impl Token {
    /// Good by every account: no guard takes more than an eighth.
    fn is_surely_good(&self, now: Timestamp) -> bool {
        !self.is_refused && !(self.sent + self.lifetime * 7 / 8).has_passed(now)
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
        let asked = *self.asked.get_or_insert(self.now);
        if decision.abandoned {
            self.pending = None;
            self.failed = None;
        }
        if let Some(spawn) = decision.spawn {
            assert!(can_fetch, "nothing is launched that cannot fly");
            assert!(self.pending.is_none(), "one flight at a time");
            assert!(spawn.number() > self.fetches, "a number is given once");
            let is_good = self
                .token
                .as_ref()
                .is_some_and(|token| token.is_surely_good(self.now));
            if let Some(failed) = &self.failed {
                let since = self.now.monotonic_nanos() - failed.at;
                // Behind a token, for as long as there is one.
                let is_on = since < 500_000_000 && (is_good || !failed.behind);
                assert!(!is_on, "a pause after a failure: {since}");
            }
            if is_good {
                assert!(!self.is_aborted, "no background fetch after an aborted one");
                let is_young = !(asked + Duration::from_secs(10)).has_passed(self.now);
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
                assert!(!token.is_refused, "no token that was refused");
            }
            Lookup::Pending(pending) => {
                assert_eq!(Some(pending.number()), self.pending);
                assert!(good.is_none(), "nobody waits who could be served");
            }
            Lookup::Failed(_) => assert!(good.is_none(), "nobody fails who could be served"),
        }
    }

    fn complete(
        &mut self,
        state: &mut State,
        late: bool,
        how: How,
        jitter: f64,
        policy: &RefreshPolicy,
    ) {
        let number = match (late, self.pending) {
            (false, Some(number)) => number,
            // One that was on before, or never was.
            _ => self.fetches.saturating_sub(1),
        };
        let is_on = self.pending == Some(number);
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
            How::Failed(kind) => FetchOutcome::Failed(Error::new(*kind, "")),
            How::Aborted => FetchOutcome::Aborted,
        };
        let before = format!("{state:?}");
        assert_eq!(
            state.complete(number, outcome, self.now, jitter, policy),
            is_on
        );
        if !is_on {
            assert_eq!(
                format!("{state:?}"),
                before,
                "who was abandoned changes nothing"
            );
            return;
        }
        (self.pending, self.failed) = (None, None);
        self.is_aborted = matches!(how, How::Aborted);
        match granted {
            None if matches!(how, How::Failed(_)) => {
                let good = |token: &Token| !token.is_refused && !token.has_passed(self.now);
                self.failed = Some(Failed {
                    at: self.now.monotonic_nanos(),
                    behind: self.token.as_ref().is_some_and(good),
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
                    // The same token again: the server stands by it, so it is used.
                    is_refused: false,
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
            assert!(!late, "a late refusal evicts nothing");
            token.is_refused = true;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_machine_does_what_somebody_who_watches_expects(
        events in prop::collection::vec(any_event(), 1..80),
    ) {
        let policy = RefreshPolicy::default();
        let mut state = State::new();
        let mut model = Model {
            now: START,
            token: None,
            pending: None,
            fetches: 0,
            minted: 0,
            asked: None,
            is_aborted: false,
            failed: None,
        };
        for event in events {
            match event {
                Event::Ask { can_fetch } => {
                    let decision = state.lookup(model.now, can_fetch, &policy);
                    model.lookup(&decision, &state, can_fetch);
                }
                Event::Land { late, how, jitter } => model.complete(&mut state, late, how, jitter, &policy),
                Event::Refuse { late } => model.unauthorized(&mut state, late),
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
                Event::Forgive => {
                    state.clear_backoff();
                    model.failed = None;
                }
            }
            if let (Some(view), Some(token)) = (state.view(model.now), &model.token) {
                prop_assert_eq!(view.token().expose(), &*token.text);
                prop_assert!(!token.is_refused);
                prop_assert!(!token.end().has_passed(view.until()), "asked before the end");
            }
        }
    }
}
