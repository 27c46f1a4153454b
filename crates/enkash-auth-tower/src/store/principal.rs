use std::{fmt, sync::Arc};

use enkash_auth_core::{AccountId, BaseUrl, Credentials, Fingerprint};

/// Who asks for tokens: an account and one set of credentials for it.
///
/// Shows a store what it needs to file things under, and none of the secrets.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Environment};
/// use enkash_auth_tower::TokenEndpoint;
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let endpoint = TokenEndpoint::new(Environment::Test, keys)?;
/// let principal = endpoint.principal();
/// assert_eq!(principal.account(), endpoint.account());
/// assert!(!format!("{principal:?}").contains("key"));
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

struct Inner {
    account: AccountId,
    credentials: Credentials,
}

impl Principal {
    pub(crate) fn new(base: &BaseUrl, credentials: Credentials) -> Self {
        Self(Arc::new(Inner {
            account: credentials.account(base),
            credentials,
        }))
    }

    /// The account: what the server locks.
    pub fn account(&self) -> AccountId {
        self.0.account
    }

    /// What tells its credentials from others, under the salt of a ledger.
    pub fn ledger_fingerprint(&self, salt: &[u8; 32]) -> Fingerprint {
        self.0.credentials.ledger_fingerprint(salt)
    }

    /// The first 16 digits of that: enough to name what is kept, and not secret.
    pub fn label(&self, salt: &[u8; 32]) -> String {
        let digits = format!("{:x}", self.ledger_fingerprint(salt));
        digits.chars().take(16).collect()
    }

    /// Whether `other` is the same account with the same credentials.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let of = |principal: &Self| (principal.account(), principal.ledger_fingerprint(&[0; 32]));
        of(self) == of(other)
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("account", &self.0.account)
            .finish_non_exhaustive()
    }
}
