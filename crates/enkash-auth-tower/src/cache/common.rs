use std::collections::HashMap;

use enkash_auth_core::{AccountKey, Clock, lifetime::Lifetime};

use super::{Shared, jitter::Jitter, places::Places, refresher::Refresher};
use crate::{
    Error, ErrorKind, RefreshPolicy,
    attempts::Attempts,
    call_headers::CallHeaders,
    endpoint::TokenServer,
    sync::{Arc, Mutex, Weak},
    time::Time,
};

/// Holds what all accounts of one token server share.
#[derive(Debug)]
pub struct Common {
    pub server: TokenServer,
    pub attempts: Arc<Attempts>,
    pub policy: RefreshPolicy,
    pub clock: Time,
    /// The headers that calls carry unless their layer sets others.
    pub call_headers: CallHeaders,
    pub places: Places,
    pub refresher: Refresher,
    /// If an account that is used is refreshed before its next use: when.
    jitter: Option<Jitter>,
    /// How many accounts these may add to what the process remembers.
    max_remembered: usize,
    owners: Mutex<Owners>,
}

#[derive(Debug, Default)]
struct Owners {
    /// The caches by their account: one of each, but for those that were removed.
    caches: HashMap<AccountKey, Owner>,
    remembered: usize,
}

#[derive(Debug)]
struct Owner {
    cache: Weak<Shared>,
    /// More than one while its credentials change.
    claims: usize,
}

impl Common {
    pub fn new(
        server: TokenServer,
        attempts: Arc<Attempts>,
        policy: RefreshPolicy,
        clock: Time,
        call_headers: CallHeaders,
        max_requests: usize,
    ) -> Self {
        Self {
            places: Places::new(max_requests, policy.fetch_timeout),
            server,
            attempts,
            policy,
            clock,
            call_headers,
            refresher: Refresher::default(),
            jitter: None,
            max_remembered: usize::MAX,
            owners: Mutex::default(),
        }
    }

    /// Sets that accounts are refreshed while they are used, and how many more the process may remember.
    pub fn for_many(self, max_remembered: usize) -> Self {
        Self {
            jitter: Some(Jitter::default()),
            max_remembered,
            ..self
        }
    }

    /// Returns the jitter in the schedule of a token of `lifetime`.
    pub fn jitter(&self, lifetime: &Lifetime) -> f64 {
        match &self.jitter {
            Some(jitter) => jitter.choose(lifetime, self.clock.now(), &self.policy.state_policy()),
            None => fastrand::f64(),
        }
    }

    /// Returns whether a cache is refreshed without a lookup, as it `is_used` or not.
    pub fn refreshes(&self, is_used: bool) -> bool {
        self.policy.keep_warm || self.jitter.is_some() && is_used
    }

    /// Makes `cache` that of `account`, until it is released as often.
    ///
    /// # Errors
    ///
    /// If another cache is, or the process remembers as many accounts as it may.
    pub fn claim(&self, account: AccountKey, cache: &Arc<Shared>) -> Result<(), Error> {
        // Dropped after the lock: it may be the last.
        let other;
        let mut owners = self.owners.lock();
        let Owners { caches, remembered } = &mut *owners;
        if !self
            .attempts
            .remember(account, remembered, self.max_remembered)
        {
            let detail = "this process remembers the attempts of as many accounts as it may";
            return Err(Error::new(ErrorKind::Saturated, detail));
        }
        let owner = caches.entry(account).or_insert_with(|| Owner {
            cache: Weak::new(),
            claims: 0,
        });
        other = owner.cache.upgrade().filter(|it| !Arc::ptr_eq(it, cache));
        if other.as_ref().is_some_and(|other| !other.is_removed()) {
            // Of a cache that was removed, only its handles are left: it goes on beside the other.
            let detail = "credentials: they are those of another account that is cached";
            let error = || Error::new(ErrorKind::InvalidSetting, detail);
            return cache.is_removed().then_some(()).ok_or_else(error);
        }
        if owner.cache.as_ptr() != Arc::as_ptr(cache) {
            *owner = Owner {
                cache: Arc::downgrade(cache),
                claims: 0,
            };
        }
        owner.claims += 1;
        Ok(())
    }

    /// Lets another cache be that of `account`, once `cache` has released all its claims.
    pub fn release(&self, account: AccountKey, cache: *const Shared) {
        let mut owners = self.owners.lock();
        let Some(owner) = owners.caches.get_mut(&account) else {
            return;
        };
        if owner.cache.as_ptr() == cache {
            owner.claims -= 1;
            if owner.claims == 0 {
                owners.caches.remove(&account);
            }
        }
    }
}
