use std::time::Duration;

use enkash_auth_core::{Error, Moment, state::State};

use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// How a cache stands, for a person or a probe. Holds no secret.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Environment, Error};
/// use enkash_auth_tower::{TokenCache, TokenEndpoint};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::new(TokenEndpoint::new(Environment::Test, keys)?);
/// let status = tokens.status();
/// assert_eq!((status.generation(), status.remaining()), (None, None));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Status {
    generation: Option<u64>,
    remaining: Option<Duration>,
    is_fetching: bool,
    last_error: Option<Error>,
    waiting: usize,
    fetches: u64,
    token_requests: u64,
}

impl Status {
    pub(super) fn new(
        state: &State,
        now: Moment,
        waiting: &AtomicUsize,
        requests: &AtomicU64,
    ) -> Self {
        let usable = state.token().filter(|token| token.is_usable(now));
        Self {
            generation: usable.map(|token| token.generation()),
            remaining: usable.map(|token| token.remaining(now)),
            is_fetching: state.flight().is_some(),
            last_error: state.last_error().cloned(),
            waiting: waiting.load(Ordering::Relaxed),
            fetches: state.flights(),
            token_requests: requests.load(Ordering::Relaxed),
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

    /// Whether a fetch is on.
    pub fn is_fetching(&self) -> bool {
        self.is_fetching
    }

    /// Why the last fetch failed; `None` once one has succeeded.
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

    /// How many token requests this cache has made: up to three in a fetch.
    pub fn token_requests(&self) -> u64 {
        self.token_requests
    }
}
