use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::{Client, User, identity::secret};

/// What a token is asked for with. Its kind decides the dialect of the token request.
///
/// Secrets are wiped when this is dropped and never appear under `{:?}`.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Client, Credentials, User};
///
/// let credentials = Credentials::password(
///     Client::new("client-id", "client-secret"),
///     User::new("user@example.com", "password"),
/// )
/// .company_id("CEK1GZBO6A");
/// assert!(!format!("{credentials:?}").contains("password"));
/// ```
#[derive(Clone)]
pub struct Credentials {
    pub(crate) grant: GrantType,
    pub(crate) company_id: Option<String>,
    pub(crate) api_key: Option<SecretString>,
    pub(crate) form_fields: Vec<(String, SecretString)>,
}

#[derive(Clone)]
pub(crate) enum GrantType {
    Password {
        client: Client,
        user: User,
    },
    Merchant {
        access_key: SecretString,
        secret_key: SecretString,
    },
}

impl Credentials {
    /// The OAuth 2.0 password grant (RFC 6749 section 4.3): payouts, expenses, cards, bill payment.
    pub fn password(client: Client, user: User) -> Self {
        Self::new(GrantType::Password { client, user })
    }

    /// The access key and the secret key of a Payment Gateway merchant.
    pub fn merchant(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self::new(GrantType::Merchant {
            access_key: secret(access_key),
            secret_key: secret(secret_key),
        })
    }

    /// The company (`CEK…`), which several products want beside the user: the form field `clientId`.
    #[must_use]
    pub fn company_id(mut self, id: impl Into<String>) -> Self {
        self.company_id = Some(id.into());
        self
    }

    /// The value of the `API-Key` header, where EnKash issued one.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(secret(key));
        self
    }

    /// One more field of the form, such as `scope`. Its value is treated as a secret.
    ///
    /// Merchant keys are sent as JSON: there a further field is refused when the request is built.
    #[must_use]
    pub fn form_field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.form_fields.push((name.into(), secret(value)));
        self
    }

    /// Whether they are the keys of a merchant, which are asked with elsewhere than passwords are.
    pub fn is_merchant(&self) -> bool {
        matches!(self.grant, GrantType::Merchant { .. })
    }

    /// Whether a token of these is as good as one of `other`: they differ in passwords and secrets
    /// at most, and in nothing that says who asks for what.
    pub fn act_as(&self, other: &Self) -> bool {
        self.names().eq(other.names()) && self.values().eq(other.values())
    }

    /// What says, beside the names, who asks for what.
    fn values(&self) -> impl Iterator<Item = &str> {
        let key = match &self.grant {
            GrantType::Password { .. } => None,
            GrantType::Merchant { access_key, .. } => Some(access_key),
        };
        key.into_iter()
            .chain(self.form_fields.iter().map(|(_, value)| value))
            .map(ExposeSecret::expose_secret)
    }

    fn new(grant: GrantType) -> Self {
        Self {
            grant,
            company_id: None,
            api_key: None,
            form_fields: Vec::new(),
        }
    }

    /// Every secret.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let pair = match &self.grant {
            GrantType::Password { client, user } => [&client.secret, &user.password],
            GrantType::Merchant {
                access_key,
                secret_key,
            } => [access_key, secret_key],
        };
        pair.into_iter()
            .chain(&self.api_key)
            .chain(self.form_fields.iter().map(|(_, value)| value))
            .map(ExposeSecret::expose_secret)
    }

    /// Everything that is sent beside the secrets, in a fixed order, each under a name.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let pair = match &self.grant {
            GrantType::Password { client, user } => {
                [("client id", client.id.as_str()), ("user", &user.name)]
            }
            GrantType::Merchant { .. } => [("merchant", ""); 2],
        };
        let company = self.company_id.as_deref().map(|id| ("company id", id));
        let api_key = self.api_key.as_ref().map(|_| ("API key", ""));
        let fields = self
            .form_fields
            .iter()
            .map(|(name, _)| ("field", name.as_str()));
        pair.into_iter().chain(company).chain(api_key).chain(fields)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Credentials");
        if let GrantType::Password { client, user } = &self.grant {
            debug.field("client", client).field("user", user);
        }
        debug
            .field("company_id", &self.company_id)
            .finish_non_exhaustive()
    }
}
