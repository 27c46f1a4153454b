use std::time::Duration;

use enkash_auth_core::{Error, Moment, account::Facts, state::State};

/// How a cache stands, for a person or a probe. Holds no secret.
#[derive(Clone, Debug)]
pub struct Status {
    generation: Option<u64>,
    remaining: Option<Duration>,
    over_for: Option<Duration>,
    is_fetching: bool,
    last_error: Option<Error>,
    waiting: usize,
    fetches: u64,
    token_requests: u64,
    strikes: usize,
    unresolved_attempts: usize,
}

impl Status {
    /// `facts` are those of the account.
    pub(super) fn new(
        state: &State,
        now: Moment,
        waiting: usize,
        token_requests: u64,
        facts: &Facts,
    ) -> Self {
        let usable = state.usable(now);
        let attempts = facts.attempts().iter();
        let (strikes, ended) = (
            facts.rejected_attempts(),
            attempts.filter(|attempt| !attempt.is_open()).count(),
        );
        Self {
            generation: usable.map(|token| token.generation()),
            remaining: usable.map(|token| token.remaining(now)),
            over_for: state.over_for(now),
            is_fetching: state.flight().is_some(),
            last_error: state.last_error(now),
            waiting,
            fetches: state.flights(),
            token_requests,
            strikes,
            unresolved_attempts: ended - strikes,
        }
    }

    /// Which token is held, counted from 1; `None` where none can be attached.
    pub fn generation(&self) -> Option<u64> {
        self.generation
    }

    /// How long the token at hand may still be attached; `None` where there is none.
    pub fn remaining(&self) -> Option<Duration> {
        self.remaining
    }

    /// How long there has been no usable token after there was one; `None` where there is one, or
    /// has never been.
    pub fn over_for(&self) -> Option<Duration> {
        self.over_for
    }

    /// Whether a fetch is on.
    pub fn is_fetching(&self) -> bool {
        self.is_fetching
    }

    /// Why the last fetch failed, and how long no other will be made; `None` once one has succeeded.
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// How many callers wait for a token.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many fetches this cache has started.
    pub fn fetches(&self) -> u64 {
        self.fetches
    }

    /// How many token requests this cache has made: up to three in a fetch, more only where a sticky
    /// issuer is asked for the token after the one that ends just then.
    pub fn token_requests(&self) -> u64 {
        self.token_requests
    }

    /// How many attempts of this account the server has refused, as this cache last saw in its
    /// store.
    pub fn strikes(&self) -> usize {
        self.strikes
    }

    /// How many attempts of this account ended without a response that says whether they count.
    pub fn unresolved_attempts(&self) -> usize {
        self.unresolved_attempts
    }
}
