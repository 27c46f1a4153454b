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
    /// How many accounts the process may remember.
    max_remembered: usize,
    /// The caches by their account: one of each.
    owners: Mutex<HashMap<AccountKey, Weak<Shared>>>,
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
            server,
            attempts,
            policy,
            clock,
            call_headers,
            places: Places::new(max_requests),
            refresher: Refresher::default(),
            jitter: None,
            max_remembered: usize::MAX,
            owners: Mutex::default(),
        }
    }

    /// Sets that accounts are refreshed while they are used, and how many the process may remember.
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

    /// Makes `cache` that of `account`.
    ///
    /// # Errors
    ///
    /// If another cache is, or the process remembers as many accounts as it may.
    pub fn claim(&self, account: AccountKey, cache: &Arc<Shared>) -> Result<(), Error> {
        if !self.attempts.may_remember(account, self.max_remembered) {
            let detail = "this process remembers the attempts of as many accounts as it may";
            return Err(Error::new(ErrorKind::Saturated, detail));
        }
        let mut owners = self.owners.lock();
        let owner = owners.entry(account).or_default();
        if owner.strong_count() > 0 && owner.as_ptr() != Arc::as_ptr(cache) {
            let detail = "credentials: they are those of another account that is cached";
            return Err(Error::new(ErrorKind::InvalidSetting, detail));
        }
        *owner = Arc::downgrade(cache);
        Ok(())
    }

    /// Lets another cache be that of `account`, as `cache` is not any more.
    pub fn release(&self, account: AccountKey, cache: *const Shared) {
        let mut owners = self.owners.lock();
        if owners
            .get(&account)
            .is_some_and(|owner| owner.as_ptr() == cache)
        {
            owners.remove(&account);
        }
    }
}
