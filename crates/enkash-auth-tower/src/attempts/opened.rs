use enkash_auth_core::{
    AccountKey, Clock, Grant, Timestamp,
    account::{
        AccountRecord, Acquire, Attempt, AttemptContext, AttemptId, AttemptOutcome, Facts, Permit,
        Unreadable, Witness,
    },
};

use super::{
    StoredToken,
    down::Down,
    seal::{open, seal},
};
use crate::{
    endpoint::TokenEndpoint,
    store::Store,
    sync::{Arc, Mutex},
    time::Time,
};

/// Holds a record as it was loaded, and merged with what this process witnessed.
pub struct Opened {
    account: AccountKey,
    is_stored: bool,
    bytes: Option<Vec<u8>>,
    /// As it was loaded; `None` if it has to be replaced.
    loaded: Option<AccountRecord>,
    record: AccountRecord,
    /// Our clocks before the load: no later than the store's reading.
    load_began: Timestamp,
    /// The time after it, by our monotonic clock and the store's wall clock.
    store_now: Timestamp,
    witness: Arc<Mutex<Witness>>,
}

impl Opened {
    /// Loads the record, and merges what this process witnessed and which owners of attempts are dead. Without a
    /// store, that witness is the record.
    pub async fn load(
        store: Option<&dyn Store>,
        account: AccountKey,
        witness: Arc<Mutex<Witness>>,
        clock: &Time,
    ) -> Result<Self, Down> {
        let load_began = clock.now();
        let Some(store) = store else {
            let mut record = AccountRecord::default();
            record.facts_mut().clone_from(witness.lock().facts());
            witness.lock().see(record.facts(), load_began);
            return Ok(Self {
                account,
                is_stored: false,
                bytes: None,
                loaded: Some(record.clone()),
                record,
                load_began,
                store_now: load_began,
                witness,
            });
        };
        let found = Down::limit(store, store.load(&account)).await?;
        let now = clock.now();
        let at = found.clock().unwrap_or(now.unix_nanos());
        let store_now = Timestamp::new(now.monotonic_nanos(), at);
        let bytes = found.record().map(<[u8]>::to_vec);
        let read = |bytes: &[u8]| AccountRecord::from_bytes(account, bytes);
        let (loaded, record) = match bytes.as_deref().map(|bytes| (bytes, read(bytes))) {
            None => (Some(AccountRecord::default()), AccountRecord::default()),
            Some((_, Ok(record))) => (Some(record.clone()), record),
            Some((_, Err(Unreadable::Newer))) => return Err(Down::Newer),
            Some((bytes, Err(why))) => {
                tracing::error!(%account, %why, "the account is closed until it is reset");
                (None, AccountRecord::in_place_of(bytes, store_now))
            }
        };
        if let Some(loaded) = &loaded {
            // What was read is witnessed, whether or not it can be written back.
            witness.lock().observe(loaded.facts());
        }
        let mut opened = Self {
            account,
            is_stored: true,
            bytes,
            loaded,
            record,
            load_began,
            store_now,
            witness,
        };
        opened.merge();
        for attempt in opened.attempts_of_others() {
            let is_dead = Down::limit(store, store.is_dead(&account, attempt.id())).await;
            if matches!(is_dead, Ok(true)) {
                opened.witness.lock().note_death(&attempt);
                opened.merge();
            }
        }
        Ok(opened)
    }

    /// Writes the record if it has changed. Returns `false` if another write came first.
    pub async fn write(&self, store: Option<&dyn Store>) -> Result<bool, Down> {
        let loaded = self.loaded.as_ref();
        if let Some(store) = store.filter(|_| loaded != Some(&self.record)) {
            let mut write = [0; 16];
            getrandom::fill(&mut write)?;
            let bytes = self.record.to_bytes(self.account, write)?;
            let current = self.bytes.as_deref();
            if !Down::limit(store, store.compare_and_set(&self.account, current, &bytes)).await? {
                return Ok(false);
            }
        }
        let (mut witness, facts) = (self.witness.lock(), self.record.facts());
        match loaded.filter(|_| store.is_none()) {
            Some(loaded) if !witness.replace(loaded.facts(), facts) => return Ok(false),
            Some(_) => {}
            None => witness.observe(facts),
        }
        // Including its own attempt, whose lease is counted from the load.
        witness.see(facts, self.store_now);
        Ok(true)
    }

    pub fn account(&self) -> AccountKey {
        self.account
    }

    pub fn facts(&self) -> &Facts {
        self.record.facts()
    }

    /// Restores the `facts`.
    pub fn revert(&mut self, facts: Facts) {
        *self.record.facts_mut() = facts;
    }

    pub fn witness(&self) -> &Arc<Mutex<Witness>> {
        &self.witness
    }

    pub fn acquire(&mut self, request: &AttemptContext<'_>) -> Acquire {
        let witness = self.witness.lock();
        self.record
            .facts_mut()
            .acquire(request, &witness, self.store_now)
    }

    pub fn record_outcome(&mut self, permit: &Permit, outcome: AttemptOutcome) -> bool {
        let facts = self.record.facts_mut();
        facts.record_outcome(permit, outcome, self.store_now)
    }

    pub fn reset(&mut self, before: &Facts, allow_rejected: bool) -> bool {
        let witness = self.witness.lock();
        let facts = self.record.facts_mut();
        facts.reset(before, allow_rejected, &witness, self.store_now)
    }

    /// Updates the witness: the record was written with the outcome of the attempt `id`.
    pub fn observe_without(&self, id: AttemptId) {
        let mut witness = self.witness.lock();
        witness.withdraw(id);
        if self.is_stored {
            witness.observe(self.record.facts());
        }
    }

    /// Returns the token of the record, unless it is that of the attempt `newest_seen`.
    pub fn token(
        &self,
        endpoint: &TokenEndpoint,
        newest_seen: Option<AttemptId>,
    ) -> Option<StoredToken> {
        let (id, sealed) = self
            .record
            .token(endpoint.credentials())
            .filter(|(id, _)| Some(*id) != newest_seen)?;
        // If this process was suspended since the store read its clock, the token must not seem younger.
        open(
            endpoint,
            id,
            &sealed,
            self.load_began,
            self.store_now.unix_nanos(),
        )
        .inspect_err(|why| {
            tracing::warn!(account = %self.account, %why, "stored token cannot be used");
        })
        .ok()
    }

    /// Stores the token of `grant`, sealed. `now` is the clock of this process.
    pub fn keep_token(
        &mut self,
        endpoint: &TokenEndpoint,
        permit: &Permit,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<(), Down> {
        let (lifetime, at) = (grant.lifetime(), self.store_now.unix_nanos());
        let sealed = seal(endpoint, grant.bearer(), lifetime, now, at)?;
        let remaining = u64::try_from(lifetime.remaining(now).as_nanos()).unwrap_or(u64::MAX);
        let until = at.saturating_add(remaining);
        let credentials = endpoint.credentials();
        self.record
            .keep_token(permit, credentials, &sealed, until, self.store_now);
        Ok(())
    }

    /// Merges what this process witnessed.
    fn merge(&mut self) {
        let mut witness = self.witness.lock();
        self.record.facts_mut().merge(witness.facts());
        witness.see(self.record.facts(), self.store_now);
    }

    /// Returns the open attempts of other processes.
    fn attempts_of_others(&self) -> Vec<Attempt> {
        let witness = self.witness.lock();
        let attempts = self.record.facts().attempts().iter();
        attempts
            .filter(|attempt| attempt.is_open() && !witness.is_own(attempt.id()))
            .cloned()
            .collect()
    }
}
