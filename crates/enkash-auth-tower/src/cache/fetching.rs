use enkash_auth_core::{AccountKey, state::PendingFetch};

use super::{
    places::Place,
    waiters::{Completion, Waiters},
};
use crate::{
    meter::{ABANDONED, Meter},
    sync::Arc,
};

/// Holds what a pending fetch has taken: its waiters, and a place among the token requests in flight.
#[derive(Debug)]
pub struct Fetching {
    fetch: PendingFetch,
    waiters: Arc<Waiters>,
    place: Option<Place>,
}

impl Fetching {
    /// Creates what `fetch` has at first: no place.
    pub fn new(fetch: PendingFetch) -> Self {
        Self {
            fetch,
            waiters: Waiters::new(),
            place: None,
        }
    }

    pub fn waiters(&self) -> &Arc<Waiters> {
        &self.waiters
    }

    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    pub fn place_mut(&mut self) -> &mut Option<Place> {
        &mut self.place
    }

    /// Gives its place back, and reports to the waiters how the fetch ended.
    pub fn complete(self, completion: Completion) {
        drop(self.place);
        self.waiters.complete(completion);
    }

    /// Makes the waiters look up once more: the fetch, of `account`, did not complete in time.
    pub fn abandon_overdue(self, account: Option<AccountKey>, meter: &Meter) {
        tracing::warn!(
            account = account.map(tracing::field::display),
            fetch = self.fetch.number(),
            "token fetch overdue, abandoned"
        );
        self.abandon(account, meter);
    }

    /// Makes the waiters look up once more: the fetch, of `account`, was abandoned.
    pub fn abandon(self, account: Option<AccountKey>, meter: &Meter) {
        let reason = self.fetch.reason();
        self.complete(Completion::LookUp);
        // Last: the user's recorder may be slow.
        if let Some(account) = account {
            meter.fetched(account, reason, ABANDONED, None);
        }
    }
}
