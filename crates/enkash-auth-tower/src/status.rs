use std::time::Duration;

use enkash_auth_core::{Timestamp, account::Facts, state::State};

use crate::Error;

/// Describes the current state of a cache. Holds no secret.
#[derive(Clone, Debug)]
pub struct Status {
    generation: Option<u64>,
    remaining: Option<Duration>,
    lifetime: Option<Duration>,
    expired_for: Option<Duration>,
    is_fetching: bool,
    last_error: Option<Error>,
    waiting: usize,
    fetches: u64,
    token_requests: u64,
    strikes: usize,
    unresolved_attempts: usize,
}

impl Status {
    /// Creates a status from the state and the `facts` of the account.
    pub(crate) fn new(
        state: &State<Error>,
        now: Timestamp,
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
            lifetime: state.lifetime().filter(|_| usable.is_some()),
            expired_for: state.expired_for(now),
            is_fetching: state.pending().is_some(),
            last_error: state.last_error(now),
            waiting,
            fetches: state.fetches(),
            token_requests,
            strikes,
            unresolved_attempts: ended - strikes,
        }
    }

    /// Returns the generation of the token, counted from 1; `None` if none can be attached.
    pub fn generation(&self) -> Option<u64> {
        self.generation
    }

    /// Returns how long the cached token may still be attached; `None` if there is none.
    pub fn remaining(&self) -> Option<Duration> {
        self.remaining
    }

    /// Returns how long the cached token could be attached when it was received; `None` if none can be now.
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Returns how long ago the last token expired; `None` if one is usable, or there was none.
    pub fn expired_for(&self) -> Option<Duration> {
        self.expired_for
    }

    /// Returns whether a fetch is in flight.
    pub fn is_fetching(&self) -> bool {
        self.is_fetching
    }

    /// Returns why the last fetch failed, with its backoff; `None` once one has succeeded.
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// Returns how many callers wait for a token.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Returns how many fetches this cache has started.
    pub fn fetches(&self) -> u64 {
        self.fetches
    }

    /// Returns how many token requests this cache has made: up to three in a fetch, more only if an issuer
    /// that reuses tokens returns one about to expire.
    pub fn token_requests(&self) -> u64 {
        self.token_requests
    }

    /// Returns how many attempts of this account were rejected, as last seen in the store.
    pub fn strikes(&self) -> usize {
        self.strikes
    }

    /// Returns how many attempts of this account ended without a response that shows whether they count.
    pub fn unresolved_attempts(&self) -> usize {
        self.unresolved_attempts
    }
}
