use std::time::Duration;

use enkash_auth_core::{
    Bearer, Failure, FailureKind, Policy, Timestamp,
    lifetime::{Exchange, Expiry},
    state::{Call, Decision, FetchOutcome, FetchReason, Lookup, State},
};
use proptest::prelude::*;

use super::events::{Event, How, Seen, any_event};

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
    /// When rejections made the cache look for another token, on the monotonic clock.
    opened: Vec<u64>,
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
    /// When it was first received.
    issued: u64,
    /// The paths of the 401s to it, since the last 2xx or grant.
    rejected_on: Vec<u64>,
    /// Whether it was proven bad.
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
                let is_new = !(first_lookup + Duration::from_secs(10)).has_passed(self.now);
                // After a 401 it does.
                let token = self.token.as_ref().unwrap();
                let is_refresh = token.rejected_on.is_empty();
                assert!(!is_refresh || !is_new, "no refresh in the first 10 s");
                let is_doubted = spawn.reason() == FetchReason::Unauthorized;
                assert!(!is_refresh || !is_doubted, "no doubt without a 401");
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
                let issued = last.filter(|_| !is_new).map(|last| last.issued);
                let generation = state.generation().unwrap();
                match last {
                    Some(last) if !is_new => assert_eq!(generation, last.generation),
                    Some(last) => assert!(generation > last.generation),
                    None => {}
                }
                self.token = Some(Token {
                    // The same token again: its issuer confirms it, so it is used.
                    is_unauthorized: false,
                    rejected_on: Vec::new(),
                    issued: issued.unwrap_or(self.now.monotonic_nanos()),
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

    fn call(&self, seen: Seen) -> Call {
        Call {
            sent: self.now - seen.age,
            origin: seen.origin,
            path: seen.path,
        }
    }

    /// Reports a rejection of the cached token, or of one before it.
    fn reject(
        &mut self,
        state: &mut State,
        late: bool,
        path: Option<u64>,
        is_proof: bool,
        report: impl FnOnce(&mut State, u64) -> bool,
    ) {
        let now = self.now;
        let Some(token) = &mut self.token else { return };
        let (was_open, before) = (is_open(state), format!("{state:?}"));
        let generation = token.generation.saturating_sub(u64::from(late));
        let has_changed = report(state, generation);
        if late {
            assert!(!has_changed, "a late 401 is about another token");
            assert_eq!(format!("{state:?}"), before);
            return;
        }
        // One without a path counts, but as none.
        token.rejected_on.push(path.unwrap_or(u64::MAX));
        let mut paths = token.rejected_on.clone();
        paths.retain(|path| *path != u64::MAX);
        paths.sort_unstable();
        paths.dedup();
        // When it was sent, it had not expired.
        let is_proven = state.usable(token.sent).is_none();
        if is_proven && !token.is_unauthorized {
            let is_long = token.rejected_on.len() >= 10 && paths.len() >= 2;
            assert!(is_proof || is_long, "served on without proof");
        }
        token.is_unauthorized = is_proven;
        if !was_open && is_open(state) {
            self.opened.push(now.monotonic_nanos());
        }
        if let [.., first, _, third] = self.opened[..] {
            assert!(third - first >= 30_000_000_000, "two at once, one in 30 s");
        }
    }

    fn accept(&mut self, state: &mut State, late: bool, seen: Seen) {
        let call = self.call(seen);
        let Some(token) = &mut self.token else { return };
        let generation = token.generation.saturating_sub(u64::from(late));
        let before = format!("{state:?}");
        let has_changed = state.accepted(generation, call);
        if late {
            assert_eq!(format!("{state:?}"), before);
        } else if has_changed {
            token.rejected_on.clear();
        }
        let is_proven = state.usable(token.sent).is_none();
        assert_eq!(is_proven, token.is_unauthorized, "no way back from proof");
    }
}

/// Returns whether another token is to be looked for, also where a pending fetch or backoff hides it.
fn is_open(state: &State) -> bool {
    let shown = format!("{state:?}");
    shown.contains("verdict: Doubt") || shown.contains("verdict: Proof")
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
            opened: Vec::new(),
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
                Event::Unauthorized { late, is_proof, call } => {
                    let now = model.now;
                    let is_young = model.token.as_ref().is_some_and(|token| {
                        now.monotonic_nanos() - token.issued < 3_000_000_000
                    });
                    let path = call.map(|call| call.path);
                    let call = call.map(|call| model.call(call));
                    model.reject(&mut state, late, path, is_proof && !is_young, |state, generation| {
                        state.unauthorized(generation, is_proof, call, now)
                    });
                }
                Event::Reject { late } => {
                    let now = model.now;
                    model.reject(&mut state, late, None, true, |state, generation| {
                        state.reject(generation, now)
                    });
                }
                Event::Accepted { late, call } => model.accept(&mut state, late, call),
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
                let watched_until = (model.now + Duration::from_secs(300)).monotonic_nanos();
                prop_assert!(!view.is_watched() || view.until().monotonic_nanos() <= watched_until);
            }
        }
    }
}
