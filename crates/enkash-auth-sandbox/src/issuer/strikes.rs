//! Refusals in a row, counted per account.

use std::collections::HashMap;

use serde::Serialize;

/// How close an account is to being locked.
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::Issuer;
///
/// let issuer = Issuer::default();
/// let [user, _merchant] = &issuer.account_statuses()[..] else { unreachable!() };
/// assert_eq!(user.name, "user@example.com");
/// assert_eq!((user.strikes, user.locked), (0, false));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AccountStatus {
    /// The user's name, or the merchant's access key.
    pub name: String,
    /// Refusals in a row.
    pub strikes: u32,
    /// Whether the account gets no token until it is unlocked, even with the right password.
    pub locked: bool,
}

/// What a strike counts against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Account {
    User(String),
    Merchant(String),
}

#[derive(Debug, Default)]
pub(crate) struct Strikes {
    accounts: HashMap<Account, Record>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    strikes: u32,
    locked: bool,
}

impl Strikes {
    pub(crate) fn is_locked(&self, account: &Account) -> bool {
        self.record(account).locked
    }

    /// Counts a refusal, and locks the account at `lock_after`.
    pub(crate) fn strike(&mut self, account: Account, lock_after: Option<u32>) {
        let record = self.accounts.entry(account).or_default();
        record.strikes = record.strikes.saturating_add(1);
        record.locked |= lock_after.is_some_and(|limit| limit > 0 && record.strikes >= limit);
    }

    /// A success ends the row of refusals.
    pub(crate) fn clear(&mut self, account: &Account) {
        self.accounts.remove(account);
    }

    pub(crate) fn clear_all(&mut self) {
        self.accounts.clear();
    }

    pub(crate) fn status(&self, account: &Account) -> AccountStatus {
        let (Account::User(name) | Account::Merchant(name)) = account;
        let Record { strikes, locked } = self.record(account);
        AccountStatus {
            name: name.clone(),
            strikes,
            locked,
        }
    }

    fn record(&self, account: &Account) -> Record {
        self.accounts.get(account).copied().unwrap_or_default()
    }
}
