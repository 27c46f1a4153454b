use std::collections::BTreeMap;
use std::fmt;

/// The made-up credentials that the issuer accepts.
///
/// [`Accounts::new`] has one of each kind: client `client-id` with `client-secret`, user
/// `user@example.com` with `password`, and access key `access-key` with `secret-key`.
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Accounts, Issuer};
///
/// let accounts = Accounts::none()
///     .client("CEK1GZBO6A", "s3cret")
///     .user("ops@example.com", "correct horse");
/// let issuer = Issuer::builder().accounts(accounts).build();
/// # let _ = issuer;
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Accounts {
    clients: BTreeMap<String, String>,
    secrets: BTreeMap<Account, String>,
    api_key: Option<String>,
    company_id: Option<String>,
    partner_id: Option<String>,
}

/// The owner of a token, which can be locked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Account {
    User(String),
    /// A merchant's access key.
    Merchant(String),
}

impl Accounts {
    /// Accepts one client, one user and one merchant, as documented above.
    pub fn new() -> Self {
        Self::none()
            .client("client-id", "client-secret")
            .user("user@example.com", "password")
            .merchant("access-key", "secret-key")
    }

    /// Accepts no credentials yet.
    pub fn none() -> Self {
        Self {
            clients: BTreeMap::new(),
            secrets: BTreeMap::new(),
            api_key: None,
            company_id: None,
            partner_id: None,
        }
    }

    /// Accepts a client (HTTP Basic of the form dialect).
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.clients.insert(id.into(), secret.into());
        self
    }

    /// Accepts a user (`username` and `password` of the form dialect).
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        let user = Account::User(name.into());
        self.secrets.insert(user, password.into());
        self
    }

    /// Accepts a merchant (`accessKey` and `secretKey` of the JSON dialect).
    pub fn merchant(mut self, access_key: impl Into<String>, secret: impl Into<String>) -> Self {
        let merchant = Account::Merchant(access_key.into());
        self.secrets.insert(merchant, secret.into());
        self
    }

    /// Requires this `API-Key` header on every token request. Default: none is required.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Requires this `clientId` in the form. Default: none is required.
    pub fn company_id(mut self, id: impl Into<String>) -> Self {
        self.company_id = Some(id.into());
        self
    }

    /// Requires this `partnerId` header on every API call, as cards, rewards and gifts do. Default: none
    /// is required.
    pub fn partner_id(mut self, id: impl Into<String>) -> Self {
        self.partner_id = Some(id.into());
        self
    }

    pub(crate) fn is_client(&self, id: &str, secret: &str) -> bool {
        self.clients.get(id).is_some_and(|known| known == secret)
    }

    /// Returns the password of a user, or the secret key of a merchant.
    pub(crate) fn secret(&self, account: &Account) -> Option<&String> {
        self.secrets.get(account)
    }

    pub(crate) fn allows_api_key(&self, sent: Option<&str>) -> bool {
        self.api_key.is_none() || self.api_key.as_deref() == sent
    }

    pub(crate) fn allows_company_id(&self, sent: Option<&str>) -> bool {
        self.company_id.is_none() || self.company_id.as_deref() == sent
    }

    pub(crate) fn allows_partner_id(&self, sent: Option<&str>) -> bool {
        self.partner_id.is_none() || self.partner_id.as_deref() == sent
    }

    /// Iterates over the users, then the merchants, each sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.secrets.keys()
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows names but no secret, which may be a real one.
impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("clients", &self.clients.keys())
            .field("accounts", &self.secrets.keys())
            .finish_non_exhaustive()
    }
}
