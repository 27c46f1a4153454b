use std::{collections::HashMap, sync::LazyLock};

use enkash_auth_core::{
    AccountKey, Timestamp,
    account::{AttemptId, Witness},
};

use crate::sync::{Arc, Mutex, global};

global! {
    static THIS: LazyLock<Process> = LazyLock::new(Process::default);
}

/// Keeps what one process witnessed, by account. All caches of the process share it.
///
/// It grows with the number of accounts that the process uses.
#[derive(Clone, Debug, Default)]
pub struct Process {
    witnesses: Arc<Mutex<HashMap<AccountKey, Arc<Mutex<Witness>>>>>,
    /// The attempts that are being written: at most one of each account.
    beginnings: Arc<Mutex<HashMap<AccountKey, (AttemptId, Timestamp)>>>,
}

/// Marks an attempt that is being written. While it exists, the process starts no other.
pub struct Beginning {
    process: Process,
    account: AccountKey,
    id: AttemptId,
}

impl Process {
    /// Returns the current process.
    pub(crate) fn this() -> Self {
        THIS.clone()
    }

    /// Creates a process that has witnessed nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers `account`, and counts it if it is a new one. Returns `false` if that would be more than `max`.
    pub(super) fn remember(&self, account: AccountKey, count: &mut usize, max: usize) -> bool {
        let mut witnesses = self.witnesses.lock();
        if witnesses.contains_key(&account) {
            return true;
        }
        let may_remember = *count < max;
        if may_remember {
            *count += 1;
            witnesses.insert(account, Arc::default());
        }
        may_remember
    }

    pub(super) fn witness(&self, account: AccountKey) -> Arc<Mutex<Witness>> {
        Arc::clone(self.witnesses.lock().entry(account).or_default())
    }

    /// Marks the attempt `id` as being written; it is not sent from `until` on. Returns `None` if another
    /// is being written.
    pub(super) fn begin(
        &self,
        account: AccountKey,
        id: AttemptId,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<Beginning> {
        let mut beginnings = self.beginnings.lock();
        let is_other = |(_, until): &(AttemptId, Timestamp)| !until.has_passed(now);
        if beginnings.get(&account).is_some_and(is_other) {
            return None;
        }
        beginnings.insert(account, (id, until));
        Some(Beginning {
            process: self.clone(),
            account,
            id,
        })
    }

    /// Returns whether an attempt is being written that can still be sent.
    pub(super) fn is_beginning(&self, account: AccountKey, now: Timestamp) -> bool {
        let beginnings = self.beginnings.lock();
        beginnings
            .get(&account)
            .is_some_and(|(_, until)| !until.has_passed(now))
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let mut beginnings = self.process.beginnings.lock();
        if beginnings
            .get(&self.account)
            .is_some_and(|(id, _)| *id == self.id)
        {
            beginnings.remove(&self.account);
        }
    }
}
