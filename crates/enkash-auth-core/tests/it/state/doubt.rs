//! What the API says about the held token: proof, doubt, nothing.

use std::time::Duration;

use enkash_auth_core::{
    Bearer, FailureKind,
    state::{Call, FetchOutcome, FetchReason, Lookup, State},
};

use super::life::Life;

const HOME: u64 = 1;
const MINUTES: f64 = 60.0;

impl Life {
    /// A token of a day, known to the API.
    fn of_a_day() -> Self {
        let mut life = Self::with(86_400.0);
        life.pass(3.0);
        life
    }

    /// A call that is sent now.
    fn call(&self, path: u64) -> Call {
        Call {
            sent: self.now,
            origin: HOME,
            path,
        }
    }

    /// Reports a 401 without proof on `path`. Returns whether another token is looked for by now.
    fn doubt(&mut self, path: impl Into<Option<u64>>) -> bool {
        let call = path.into().map(|path| self.call(path));
        let generation = self.state.generation().unwrap();
        self.state.unauthorized(generation, false, call, self.now);
        self.is_doubted()
    }

    fn prove(&mut self) {
        let generation = self.state.generation().unwrap();
        self.state.unauthorized(generation, true, None, self.now);
    }

    fn accept(&mut self, call: Call) {
        let generation = self.state.generation().unwrap();
        self.state.accepted(generation, call);
    }

    /// Returns whether a lookup would fetch because the API rejected the token.
    fn is_doubted(&self) -> bool {
        let mut copy = self.clone();
        let (_, spawn) = copy.lookup();
        let pending = spawn.or(copy.state.pending());
        pending.is_some_and(|pending| pending.reason() == FetchReason::Unauthorized)
    }

    fn is_served(&self) -> bool {
        self.state.usable(self.now).is_some()
    }

    fn is_watched(&self) -> bool {
        self.state.view(self.now).unwrap().is_watched()
    }

    /// Answers the fetch that doubt has caused.
    fn answer(&mut self, token: &str) {
        let pending = self.spawn();
        assert_eq!(pending.reason(), FetchReason::Unauthorized);
        assert!(self.grant(pending, token, 86_000.0));
    }
}

#[test]
fn doubt_serves_token_on_and_fetches_another() {
    let mut life = Life::of_a_day();
    assert!(life.doubt(None));
    assert_eq!(life.view_ends_after(), Duration::ZERO, "a fetch is due");
    let pending = life.spawn();
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)), "one");
    life.grant(pending, "two", 86_400.0);
    assert_eq!(life.served(), "two");
    assert!(!life.is_doubted());
}

#[test]
fn failed_fetch_keeps_doubted_token_and_is_repeated() {
    let mut life = Life::of_a_day();
    life.doubt(None);
    for backoff in [0.75, 1.5, 3.0] {
        let pending = life.spawn();
        assert_eq!(pending.reason(), FetchReason::Unauthorized);
        life.fail(pending, FailureKind::Unavailable);
        assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
        life.pass(backoff);
    }
    life.answer("two");
    assert_eq!(life.served(), "two");
}

#[test]
fn aborted_fetch_is_not_repeated_in_the_background() {
    let mut life = Life::of_a_day();
    life.doubt(None);
    let pending = life.spawn();
    assert!(life.complete(pending, FetchOutcome::Aborted));
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    // A caller that has no token waits for it.
    life.prove();
    assert_eq!(life.spawn().reason(), FetchReason::Unauthorized);
}

#[test]
fn proof_within_3_s_of_issue_is_doubt() {
    for (age, is_served) in [(2.9, true), (3.0, false)] {
        let mut life = Life::with(86_400.0);
        life.pass(age);
        life.prove();
        assert_eq!(life.is_served(), is_served, "{age}");
        assert_eq!(life.spawn().reason(), FetchReason::Unauthorized);
    }
    // Of the same token, returned again, the first issue counts.
    let mut life = Life::of_a_day();
    life.doubt(None);
    life.answer("one");
    life.prove();
    assert!(life.is_served(), "the call was sent before");
    let call = life.call(1);
    life.state.unauthorized(1, true, Some(call), life.now);
    assert!(!life.is_served());
}

/// A token that a store has kept since it was issued.
#[test]
fn stored_token_is_as_old_as_its_issue() {
    for (age, is_served) in [(2.0, true), (60.0, false)] {
        let mut life = Life::new();
        let lifetime = life.lifetime(86_400.0);
        life.pass(age);
        let pending = life.spawn();
        let granted = FetchOutcome::Granted(Bearer::new("one").unwrap(), lifetime);
        assert!(life.complete(pending, granted));
        life.prove();
        assert_eq!(life.is_served(), is_served, "{age}");
    }
}

#[test]
fn proof_by_the_user_needs_no_age() {
    let mut life = Life::with(86_400.0);
    assert!(life.state.reject(1, life.now));
    assert!(!life.is_served());
}

#[test]
fn doubt_becomes_proof_at_no_further_cost() {
    let mut life = Life::of_a_day();
    assert!(life.doubt(1));
    let pending = life.spawn();
    life.pass(0.1);
    life.prove();
    assert!(matches!(life.lookup().0, Lookup::Pending(it) if it == pending));
    life.grant(pending, "two", 86_400.0);
    // One of two fetches is left.
    assert!(life.doubt(2));
    life.answer("three");
    assert!(!life.doubt(3));
}

#[test]
fn later_2xx_of_same_origin_ends_doubt() {
    let mut life = Life::of_a_day();
    let before = life.call(2);
    life.doubt(1);
    life.accept(before);
    let at_once = life.call(2);
    life.accept(at_once);
    assert!(life.is_doubted(), "sent before, or at the same time");
    life.pass(0.1);
    let elsewhere = Call {
        origin: HOME + 1,
        ..life.call(2)
    };
    life.accept(elsewhere);
    assert!(life.is_doubted());
    let (after, generation) = (life.call(2), life.state.generation().unwrap());
    assert!(!life.state.accepted(generation - 1, after), "another token");
    life.accept(after);
    assert!(!life.is_doubted());
}

#[test]
fn any_later_2xx_ends_doubt_of_unknown_origin() {
    let mut life = Life::of_a_day();
    assert!(life.doubt(None));
    life.pass(0.1);
    let call = life.call(2);
    life.accept(call);
    assert!(!life.is_doubted());
}

#[test]
fn ten_401s_on_two_paths_are_proof() {
    for (paths, length, is_proof) in [(2, 9, false), (2, 10, true), (1, 100, false)] {
        let mut life = Life::of_a_day();
        for nth in 0..length {
            life.doubt(nth % paths);
        }
        assert_eq!(!life.is_served(), is_proof, "{length} on {paths} paths");
    }
}

#[test]
fn a_2xx_between_them_is_no_proof() {
    for origin in [HOME, HOME + 1] {
        let mut life = Life::of_a_day();
        for nth in 0..100 {
            life.doubt(nth % 2);
            life.pass(0.1);
            if nth % 9 == 8 {
                let call = life.call(7);
                life.accept(Call { origin, ..call });
            }
            life.pass(0.1);
        }
        assert!(life.is_served(), "{origin}");
    }
}

#[test]
fn ten_401s_are_no_proof_within_3_s_of_issue() {
    let mut life = Life::with(86_400.0);
    for nth in 0..20 {
        assert!(life.doubt(nth % 2));
    }
    assert!(life.is_served());
    life.pass(3.0);
    life.doubt(1);
    assert!(!life.is_served());
}

/// The issuer returns another token each time, or always the same.
#[test]
fn path_that_rejects_two_grants_opens_doubt_once_in_5_min() {
    for tokens in [["two", "three", "four", "five"], ["one"; 4]] {
        let mut life = Life::of_a_day();
        let mut opened = Vec::new();
        let mut tokens = tokens.into_iter();
        for second in (0..600).step_by(5) {
            if life.doubt(1) {
                opened.push(second);
                life.answer(tokens.next().unwrap());
            }
            life.pass(5.0);
        }
        assert_eq!(opened, [0, 5, 305], "seconds");
        // Other calls are served: another path is not affected.
        let call = life.call(2);
        life.accept(call);
        assert!(!life.doubt(1) && life.doubt(2));
        assert!(life.is_served());
    }
}

/// An endpoint with a 401 of its own among calls that are served, and an issuer that revokes each token.
#[test]
fn path_that_accepts_tokens_opens_doubt_after_30_s_of_401s() {
    for is_revoked in [false, true] {
        let mut life = Life::of_a_day();
        let mut tokens = 0;
        let mut opened = Vec::new();
        let mut revoked = false;
        for second in 0..200 {
            if life.doubt(1) {
                opened.push(second);
                tokens += 1;
                life.answer(&format!("token-{tokens}"));
                revoked = false;
            }
            life.pass(0.5);
            if !revoked {
                let call = life.call(1);
                life.accept(call);
            }
            revoked = is_revoked;
            life.pass(0.5);
        }
        let expected = match is_revoked {
            // Ignored: a 2xx follows each.
            false => vec![0, 1],
            true => vec![0, 1, 32, 63, 94, 125, 156, 187],
        };
        assert_eq!(opened, expected, "seconds, {is_revoked}");
    }
}

#[test]
fn no_other_rejection_is_ignored_longer_than_30_s() {
    let mut life = Life::of_a_day();
    for path in 0..2 {
        assert!(life.doubt(path));
        life.answer("one");
    }
    let mut ignored = 0;
    for path in 2..300 {
        match life.doubt(path) {
            true => {
                life.answer("one");
                ignored = 0;
            }
            false => ignored += 1,
        }
        assert!(ignored <= 30, "seconds");
        life.pass(1.0);
    }
}

#[test]
fn late_401_of_confirmed_token_is_no_news() {
    let mut life = Life::of_a_day();
    let early = life.call(2);
    life.doubt(None);
    life.pass(0.1);
    life.answer("one");
    assert!(!life.state.unauthorized(1, false, Some(early), life.now));
    assert!(!life.state.unauthorized(1, true, None, life.now));
    assert!(life.is_served() && !life.is_doubted());
    assert!(life.doubt(2), "sent after");
}

#[test]
fn seventeenth_path_displaces_the_oldest() {
    let mut life = Life::of_a_day();
    // Both paths reject two tokens.
    for token in ["two", "three"] {
        for path in [0, 1] {
            assert!(life.doubt(path));
            life.answer(token);
            life.pass(31.0);
        }
    }
    assert!(!life.doubt(0));
    for path in 2..17 {
        life.doubt(path);
        life.pass(0.1);
        let call = life.call(20);
        life.accept(call);
    }
    life.pass(31.0);
    assert!(!life.doubt(0), "remembered");
    assert!(life.doubt(1), "forgotten");
}

#[test]
fn calls_are_watched_for_5_min_after_a_401() {
    let mut life = Life::of_a_day();
    assert!(!life.is_watched());
    life.doubt(None);
    life.answer("two");
    assert!(life.is_watched());
    assert_eq!(life.view_ends_after(), Duration::from_secs(300));
    life.pass(4.0 * MINUTES);
    life.doubt(1);
    life.answer("three");
    life.pass(4.9 * MINUTES);
    assert!(life.is_watched());
    life.pass(0.1 * MINUTES);
    assert!(!life.is_watched());
    assert_eq!(life.served(), "three");
}

#[test]
fn proof_outlives_the_memory_of_its_path() {
    let mut life = Life::of_a_day();
    life.prove();
    for _ in 0..20 {
        let pending = life.spawn();
        life.fail(pending, FailureKind::Unavailable);
        life.pass(MINUTES);
    }
    assert!(!life.is_served());
}

#[test]
fn rejections_of_other_generations_change_nothing() {
    let mut life = Life::of_a_day();
    for generation in [0, 2] {
        assert!(!life.state.unauthorized(generation, true, None, life.now));
        assert!(!life.state.reject(generation, life.now));
    }
    assert!(life.is_served() && !life.is_watched());
}

#[test]
fn state_without_doubt_stays_small() {
    assert!(size_of::<State>() <= 400, "{}", size_of::<State>());
}
