use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    time::Duration,
};

use enkash_auth_core::{
    AccountKey,
    account::{AttemptId, Facts, Witness},
};
use tokio::time::sleep;

use super::{Process, down::Down, opened::Opened};
use crate::{
    store::{Liveness, Store},
    sync::{Arc, Mutex},
    time::Time,
};

/// Limits the tries of a write while others come first.
pub const TRIES: u32 = 64;

/// Loads and writes the account records, merged with what this process witnessed.
pub struct Records {
    /// Without one, the witness of the process is the record.
    store: Option<Arc<dyn Store>>,
    process: Process,
    clock: Time,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The accounts whose record was last seen in a newer format.
    newer: HashSet<AccountKey>,
    /// The guards of attempts that have ended, kept until the store has their outcome.
    ended_guards: HashMap<AccountKey, Vec<Liveness>>,
    /// The attempts that were made while this store was down, and that it does not have.
    unstored: HashMap<AccountKey, Vec<AttemptId>>,
}

impl Records {
    pub fn new(store: Option<Arc<dyn Store>>, process: Process, clock: Time) -> Self {
        Self {
            store,
            process,
            clock,
            state: Mutex::default(),
        }
    }

    /// Returns whether the records are in a store, which others may share.
    pub fn are_stored(&self) -> bool {
        self.store.is_some()
    }

    pub fn process(&self) -> &Process {
        &self.process
    }

    pub fn clock(&self) -> &Time {
        &self.clock
    }

    pub fn witness(&self, account: AccountKey) -> Arc<Mutex<Witness>> {
        self.process.witness(account)
    }

    /// Returns whether the record was last seen in a newer format.
    pub fn is_newer(&self, account: AccountKey) -> bool {
        self.state.lock().newer.contains(&account)
    }

    /// Keeps the guard of an attempt that has ended until the store has the outcome.
    pub fn keep(&self, account: AccountKey, liveness: Option<Liveness>) {
        if let Some(liveness) = liveness {
            self.keep_all(account, vec![liveness]);
        }
    }

    fn keep_all(&self, account: AccountKey, guards: Vec<Liveness>) {
        let mut state = self.state.lock();
        state
            .ended_guards
            .entry(account)
            .or_default()
            .extend(guards);
    }

    /// Records that an attempt is made without the store.
    pub fn begin_unstored(&self, account: AccountKey, id: AttemptId) {
        let mut state = self.state.lock();
        state.unstored.entry(account).or_default().push(id);
    }

    /// Returns whether this store lacks one of `facts`, an attempt that was made without it.
    pub fn has_unstored(&self, account: AccountKey, facts: &Facts) -> bool {
        let state = self.state.lock();
        let unstored = state.unstored.get(&account).map_or(&[][..], Vec::as_slice);
        let mut attempts = facts.attempts().iter();
        attempts.any(|attempt| unstored.contains(&attempt.id()))
    }

    /// Loads the record, and merges what this process witnessed.
    pub async fn open(&self, account: AccountKey) -> Result<Opened, Down> {
        let witness = self.witness(account);
        let opened = Opened::load(self.store.as_deref(), account, witness, &self.clock).await;
        match &opened {
            Ok(_) => self.state.lock().newer.remove(&account),
            Err(Down::Newer) => self.state.lock().newer.insert(account),
            Err(Down::Unavailable(_)) => false,
        };
        opened
    }

    /// Writes the record if it has changed. Returns `false` if another write came first.
    pub async fn write(&self, opened: &Opened) -> Result<bool, Down> {
        let is_written = opened.write(self.store.as_deref()).await?;
        if is_written {
            self.release_stored(opened);
        }
        Ok(is_written)
    }

    /// Drops what the store has now.
    fn release_stored(&self, opened: &Opened) {
        let (account, facts) = (opened.account(), opened.facts());
        let guards = {
            let mut state = self.state.lock();
            if let Entry::Occupied(mut unstored) = state.unstored.entry(account) {
                unstored.get_mut().retain(|id| !facts.has_recorded(*id));
                if unstored.get().is_empty() {
                    unstored.remove();
                }
            }
            state.ended_guards.remove(&account)
        };
        // The guards are taken before this is read: of an attempt that ends in between, this write has no outcome.
        if let Some(guards) = guards
            && opened.witness().lock().is_ahead()
        {
            self.keep_all(account, guards);
        }
    }

    /// Opens the record, applies `change` and writes it, retrying while other writes come first.
    pub async fn update<T>(
        &self,
        account: AccountKey,
        mut change: impl FnMut(&mut Opened) -> Result<T, Down>,
    ) -> Result<(T, Opened), Down> {
        for _ in 0..TRIES {
            let mut opened = self.open(account).await?;
            let changed = change(&mut opened)?;
            if self.write(&opened).await? {
                return Ok((changed, opened));
            }
            pause().await;
        }
        Err("too many conflicting writes of the account record".into())
    }

    /// Shows that this process, which makes `attempt`, is alive.
    pub async fn hold(
        &self,
        account: AccountKey,
        attempt: AttemptId,
    ) -> Result<Option<Liveness>, Down> {
        match self.store.as_deref() {
            Some(store) => Down::limit(store, store.hold(&account, attempt)).await,
            None => Ok(None),
        }
    }
}

/// Waits for a random time, so that conflicting writers do not collide once more.
pub async fn pause() {
    sleep(Duration::from_millis(fastrand::u64(1..=10))).await;
}
