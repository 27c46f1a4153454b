use std::{fmt, sync::Arc};

use enkash_auth_core::{AccountKey, BaseUrl, Credentials};

/// Holds credentials, and the key of their account.
#[derive(Clone)]
pub struct AccountCredentials(Arc<Inner>);

struct Inner {
    key: AccountKey,
    credentials: Credentials,
}

impl AccountCredentials {
    pub fn new(base: &BaseUrl, credentials: Credentials) -> Self {
        Self(Arc::new(Inner {
            key: credentials.account(base),
            credentials,
        }))
    }

    /// Returns the key of the account that the server would lock.
    pub fn key(&self) -> AccountKey {
        self.0.key
    }

    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// Returns whether `other` is the same account with the same credentials.
    pub fn is(&self, other: &Self) -> bool {
        let is_alike = || {
            let salt = [0; 16];
            self.0.credentials.fingerprint(salt) == other.0.credentials.fingerprint(salt)
        };
        Arc::ptr_eq(&self.0, &other.0) || self.0.key == other.0.key && is_alike()
    }
}

impl fmt::Debug for AccountCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountCredentials")
            .field("key", &self.0.key)
            .finish_non_exhaustive()
    }
}
