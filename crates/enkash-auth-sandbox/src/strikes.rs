use std::collections::HashMap;

use serde::Serialize;

use crate::accounts::Account;

/// The strikes of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AccountStatus {
    /// The user's name, or the merchant's access key.
    pub name: String,
    /// Consecutive rejections.
    pub strikes: u32,
    /// Whether the account is locked: even the right password gets no token.
    pub locked: bool,
}

/// The consecutive rejections of each account, and whether it is locked.
#[derive(Debug, Default)]
pub(crate) struct Strikes(HashMap<Account, (u32, bool)>);

impl Strikes {
    pub(crate) fn is_locked(&self, account: &Account) -> bool {
        self.0.get(account).is_some_and(|(_, locked)| *locked)
    }

    /// Counts a rejection, and locks the account at `lock_after`.
    pub(crate) fn strike(&mut self, account: Account, lock_after: Option<u32>) {
        let (strikes, locked) = self.0.entry(account).or_default();
        *strikes = strikes.saturating_add(1);
        *locked |= lock_after.is_some_and(|limit| limit > 0 && *strikes >= limit);
    }

    /// Resets the count after a success.
    pub(crate) fn clear(&mut self, account: &Account) {
        self.0.remove(account);
    }

    pub(crate) fn status(&self, account: &Account) -> AccountStatus {
        let (Account::User(name) | Account::Merchant(name)) = account;
        let (strikes, locked) = self.0.get(account).copied().unwrap_or_default();
        AccountStatus {
            name: name.clone(),
            strikes,
            locked,
        }
    }
}
