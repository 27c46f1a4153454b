use std::collections::BTreeMap;
use std::fmt;

/// The credentials that the issuer accepts, all of them made up.
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
pub struct Accounts {
    clients: BTreeMap<String, String>,
    users: BTreeMap<String, String>,
    merchants: BTreeMap<String, String>,
    api_key: Option<String>,
    company_id: Option<String>,
}

impl Accounts {
    /// One client, one user and one merchant, as documented above.
    #[must_use]
    pub fn new() -> Self {
        Self::none()
            .client("client-id", "client-secret")
            .user("user@example.com", "password")
            .merchant("access-key", "secret-key")
    }

    /// Accepts nothing yet.
    #[must_use]
    pub fn none() -> Self {
        Self {
            clients: BTreeMap::new(),
            users: BTreeMap::new(),
            merchants: BTreeMap::new(),
            api_key: None,
            company_id: None,
        }
    }

    /// Accepts a client (HTTP Basic of the form dialect).
    #[must_use]
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.clients.insert(id.into(), secret.into());
        self
    }

    /// Accepts a user (`username` and `password` of the form dialect).
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.users.insert(name.into(), password.into());
        self
    }

    /// Accepts a merchant (`accessKey` and `secretKey` of the JSON dialect).
    #[must_use]
    pub fn merchant(mut self, access_key: impl Into<String>, secret: impl Into<String>) -> Self {
        self.merchants.insert(access_key.into(), secret.into());
        self
    }

    /// Requires this `API-Key` header on every token request. Default: none is required.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Requires this `clientId` in the form. Default: none is required.
    #[must_use]
    pub fn company_id(mut self, id: impl Into<String>) -> Self {
        self.company_id = Some(id.into());
        self
    }

    pub(crate) fn is_client(&self, id: &str, secret: &str) -> bool {
        self.clients.get(id).is_some_and(|known| known == secret)
    }

    pub(crate) fn has_user(&self, name: &str) -> bool {
        self.users.contains_key(name)
    }

    pub(crate) fn is_user(&self, name: &str, password: &str) -> bool {
        self.users.get(name).is_some_and(|known| known == password)
    }

    pub(crate) fn has_merchant(&self, access_key: &str) -> bool {
        self.merchants.contains_key(access_key)
    }

    pub(crate) fn is_merchant(&self, access_key: &str, secret: &str) -> bool {
        self.merchants
            .get(access_key)
            .is_some_and(|known| known == secret)
    }

    pub(crate) fn allows_api_key(&self, sent: Option<&str>) -> bool {
        self.api_key.is_none() || self.api_key.as_deref() == sent
    }

    pub(crate) fn allows_company_id(&self, sent: Option<&str>) -> bool {
        self.company_id.is_none() || self.company_id.as_deref() == sent
    }

    /// The names that can be locked: of users, then of merchants.
    pub(crate) fn names(&self) -> (impl Iterator<Item = &str>, impl Iterator<Item = &str>) {
        (
            self.users.keys().map(String::as_str),
            self.merchants.keys().map(String::as_str),
        )
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows names; never a secret, since someone may have set a real one.
impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("clients", &self.clients.keys())
            .field("users", &self.users.keys())
            .field("merchants", &self.merchants.keys())
            .finish_non_exhaustive()
    }
}
