use std::collections::HashMap;

use enkash_auth_core::{AccountKey, Clock, Policy, lifetime::Lifetime};

use super::{Settings, Shared, jitter::Jitter, places::Places, refresher::Refresher, reuse::Reuse};
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
    server: TokenServer,
    attempts: Arc<Attempts>,
    policy: RefreshPolicy,
    clock: Time,
    call_headers: CallHeaders,
    places: Places,
    refresher: Refresher,
    /// If an account that is used is refreshed before its next use: when.
    jitter: Option<Jitter>,
    reuse: Reuse,
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
    pub fn new(server: TokenServer, settings: Settings) -> Self {
        let Settings {
            policy,
            clock,
            store,
            process,
            on_store_down,
            call_headers,
            max_requests,
        } = settings;
        Self {
            places: Places::new(max_requests, policy.fetch_timeout),
            attempts: Attempts::new(store, on_store_down, process, clock.clone(), &policy),
            server,
            policy,
            clock,
            call_headers,
            refresher: Refresher::default(),
            jitter: None,
            reuse: Reuse::default(),
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

    pub fn server(&self) -> &TokenServer {
        &self.server
    }

    pub fn attempts(&self) -> &Arc<Attempts> {
        &self.attempts
    }

    pub fn policy(&self) -> &RefreshPolicy {
        &self.policy
    }

    pub fn clock(&self) -> &Time {
        &self.clock
    }

    /// Returns the headers that calls carry unless their layer sets others.
    pub fn call_headers(&self) -> &CallHeaders {
        &self.call_headers
    }

    /// Limits the token requests in flight.
    pub fn places(&self) -> &Places {
        &self.places
    }

    pub fn refresher(&self) -> &Refresher {
        &self.refresher
    }

    /// Returns the policy for a token of `lifetime`, which an account is granted now, and the jitter in its schedule.
    pub fn schedule(&self, lifetime: &Lifetime) -> (Policy, f64) {
        let mut policy = self.policy.state_policy();
        let Some(jitter) = &self.jitter else {
            return (policy, fastrand::f64());
        };
        let now = self.clock.now();
        policy.reuses_tokens = self.reuse.is_expected(now);
        let jitter = match policy.reuses_tokens {
            true => 0.0,
            false => jitter.choose(lifetime, now, &policy),
        };
        (policy, jitter)
    }

    /// Predicts whether the server reuses tokens; only for many accounts, as one says too little.
    pub fn reuse(&self) -> Option<&Reuse> {
        self.jitter.is_some().then_some(&self.reuse)
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
        if other
            .as_ref()
            .is_some_and(|other| !other.usage().is_removed())
        {
            // Of a cache that was removed, only its handles are left: it goes on beside the other.
            let detail = "credentials: they are those of another account that is cached";
            let error = || Error::new(ErrorKind::InvalidSetting, detail);
            return cache.usage().is_removed().then_some(()).ok_or_else(error);
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
