use std::{sync::Arc, time::Duration};

use http::HeaderValue;

use crate::{Bearer, Timestamp, lifetime::Schedule};

/// Holds a token that can be attached: a ready header value, its generation and its deadline.
///
/// Cheap to clone. Never shows the token under `{:?}`; the header value is marked sensitive.
#[derive(Clone, Debug)]
pub struct AccessToken(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bearer: Bearer,
    generation: u64,
    schedule: Schedule,
}

impl AccessToken {
    /// Creates the `generation`th token, with its schedule.
    pub fn new(bearer: Bearer, generation: u64, schedule: Schedule) -> Self {
        Self(Arc::new(Inner {
            bearer,
            generation,
            schedule,
        }))
    }

    /// Returns the value of the `Authorization` header: `Bearer …`, marked sensitive.
    ///
    /// **Nothing checks where it is sent.** Any host that a request names, or is redirected to, can use the token until
    /// it expires; a layer of `enkash-auth-tower` checks each of them. By hand, compare the origin, follow no redirect,
    /// and attach it to one request: the next one needs the token that is current by then, and a 401 has to be reported
    /// to the cache (`TokenCache::reject`).
    pub fn header(&self) -> &HeaderValue {
        self.0.bearer.header()
    }

    /// Returns the value of the `Authorization` header without a scheme, marked sensitive. As for
    /// [`header`](Self::header), nothing checks where it is sent.
    pub fn bare_header(&self) -> HeaderValue {
        self.0.bearer.bare_header()
    }

    /// Returns the token without its scheme. It is a secret: do not print it.
    pub fn expose(&self) -> &str {
        self.0.bearer.expose()
    }

    /// Returns its number in the cache: greater for a newer token, equal for the same one, reissued.
    pub fn generation(&self) -> u64 {
        self.0.generation
    }

    /// Returns when it is refreshed and when it expires.
    pub fn schedule(&self) -> &Schedule {
        &self.0.schedule
    }

    /// Returns whether it may be attached at `now`, by both clocks.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        !self.0.schedule.deadline().has_passed(now)
    }

    /// Returns how long it may still be attached at `now`.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.0.schedule.deadline().remaining(now)
    }

    pub(crate) fn bearer(&self) -> &Bearer {
        &self.0.bearer
    }
}
