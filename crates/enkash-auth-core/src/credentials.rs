use std::fmt;

use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{Aead, AeadInOut, Payload},
};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    AccountKey, BaseUrl, Client, Failure, FailureKind, User, fingerprint::Fingerprint,
    identity::secret,
};

/// The length of the salt in bytes, which precedes the sealed text.
const SALT: usize = 32;

/// The purpose of the key, so that no other use of the same secrets derives the same key.
const PURPOSE: &[u8] = b"enkash-auth token seal 1";

/// Holds the credentials of a token request. Their kind determines its dialect.
///
/// Secrets are wiped on drop and never appear under `{:?}`.
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
    pub(crate) company_id: Option<Box<str>>,
    pub(crate) api_key: Option<SecretString>,
    pub(crate) form_fields: Vec<(String, SecretString)>,
}

#[derive(Clone)]
pub enum GrantType {
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
    /// Creates credentials of the OAuth 2.0 password grant (RFC 6749 section 4.3): payouts, expenses, cards, bill
    /// payment.
    pub fn password(client: Client, user: User) -> Self {
        Self::new(GrantType::Password { client, user })
    }

    /// Creates credentials of a Payment Gateway merchant: the access key and the secret key.
    pub fn merchant(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self::new(GrantType::Merchant {
            access_key: secret(access_key),
            secret_key: secret(secret_key),
        })
    }

    fn new(grant: GrantType) -> Self {
        Self {
            grant,
            company_id: None,
            api_key: None,
            form_fields: Vec::new(),
        }
    }

    /// Sets the company (`CEK…`), which several products require beside the user: the form field `clientId`.
    #[must_use]
    pub fn company_id(mut self, id: impl Into<String>) -> Self {
        self.company_id = Some(id.into().into());
        self
    }

    /// Sets the value of the `API-Key` header, if EnKash issued one.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(secret(key));
        self
    }

    /// Adds a field to the form, such as `scope`. Its value is treated as a secret.
    ///
    /// Merchant keys are sent as JSON: with them, a form field is an error when the request is built.
    #[must_use]
    pub fn form_field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.form_fields.push((name.into(), secret(value)));
        self
    }

    /// Returns whether they are merchant keys, which have a separate token server.
    pub fn is_merchant(&self) -> bool {
        matches!(self.grant, GrantType::Merchant { .. })
    }

    /// Returns the access key of merchant keys as a header value, marked sensitive; `None` for a password, and for a
    /// key that cannot be a header value.
    pub fn access_key(&self) -> Option<HeaderValue> {
        let GrantType::Merchant { access_key, .. } = &self.grant else {
            return None;
        };
        let mut value = HeaderValue::from_str(access_key.expose_secret()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Returns whether a token of these can replace one of `other`: they differ in passwords and secrets at
    /// most.
    pub fn act_as(&self, other: &Self) -> bool {
        self.names().eq(other.names()) && self.values().eq(other.values())
    }

    /// Returns the account that these credentials belong to at `base`. The user name counts without white
    /// space around it and in lower case.
    pub fn account(&self, base: &BaseUrl) -> AccountKey {
        let (kind, client, user) = match &self.grant {
            GrantType::Password { client, user } => {
                let user = user.name.trim().to_lowercase();
                ("password", &*client.id, user)
            }
            GrantType::Merchant { access_key, .. } => {
                ("merchant", access_key.expose_secret(), String::new())
            }
        };
        let parts = framed([kind, base.as_str(), client, &user]);
        AccountKey::new(Sha256::digest(&*parts).into())
    }

    /// Returns what distinguishes these credentials from others of the same account: an HMAC-SHA-256 over
    /// every name and secret that is sent, under `salt`.
    pub fn fingerprint(&self, salt: [u8; 16]) -> Fingerprint {
        // As RFC 2104 pads a key that is shorter than a block.
        let mut block = [0; 64];
        for (byte, salt) in block.iter_mut().zip(salt) {
            *byte = salt;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(&framed(self.sent()));
        Fingerprint::new(salt, mac.finalize().into_bytes().into())
    }

    /// Returns whether `fingerprint` is that of these credentials.
    pub fn matches(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprint(fingerprint.salt()) == *fingerprint
    }

    /// Seals `plain` so that only the same credentials open it (ChaCha20-Poly1305, RFC 8439, under a key
    /// derived by HKDF-SHA-256, RFC 5869, from all that is sent). `context` is not stored, and must be the
    /// same for [`open`](Self::open).
    ///
    /// `salt` must be random, and new each time: the key is for one text.
    ///
    /// # Errors
    ///
    /// [`FailureKind::InvalidResponse`] for more than 256 GiB.
    pub fn seal(&self, salt: [u8; SALT], context: &[u8], plain: &[u8]) -> Result<Vec<u8>, Failure> {
        let payload = Payload {
            msg: plain,
            aad: context,
        };
        let sealed = self.cipher(&salt).encrypt(&[0; 12].into(), payload);
        let sealed =
            sealed.map_err(|_| Failure::new(FailureKind::InvalidResponse, "too much to seal"))?;
        Ok([&salt[..], &sealed].concat())
    }

    /// Opens the output of [`seal`](Self::seal). Returns `None` if it is too short, or was altered or sealed with
    /// other credentials, which cannot be distinguished.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (salt, sealed) = sealed.split_first_chunk::<SALT>()?;
        let mut text = Zeroizing::new(sealed.to_vec());
        self.cipher(salt)
            .decrypt_in_place(&[0; 12].into(), context, &mut *text)
            .ok()?;
        Some(text)
    }

    fn cipher(&self, salt: &[u8; SALT]) -> ChaCha20Poly1305 {
        let mut key = Zeroizing::new([0; 32]);
        // HKDF fails only for more than 255 hashes.
        let _ = Hkdf::<Sha256>::new(Some(salt), &framed(self.sent())).expand(PURPOSE, &mut *key);
        let mut array = (*key).into();
        let cipher = ChaCha20Poly1305::new(&array);
        array.as_mut_slice().zeroize();
        cipher
    }

    /// Returns every secret.
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

    /// Returns everything that is sent except the secrets, in a fixed order, each with a name.
    fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let pair = match &self.grant {
            GrantType::Password { client, user } => {
                [("client id", &*client.id), ("user", &user.name)]
            }
            GrantType::Merchant { .. } => [("merchant", ""); 2],
        };
        let company = self.company_id.as_deref().map(|id| ("company id", id));
        let api_key = self.api_key.as_ref().map(|_| ("API key", ""));
        let fields = self.form_fields.iter();
        let fields = fields.map(|(name, _)| ("field", name.as_str()));
        pair.into_iter().chain(company).chain(api_key).chain(fields)
    }

    /// Returns the secrets that determine the account of a token.
    fn values(&self) -> impl Iterator<Item = &str> {
        let key = match &self.grant {
            GrantType::Password { .. } => None,
            GrantType::Merchant { access_key, .. } => Some(access_key),
        };
        key.into_iter()
            .chain(self.form_fields.iter().map(|(_, value)| value))
            .map(ExposeSecret::expose_secret)
    }

    /// Returns all that is sent, in a fixed order.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &str> {
        let names = self.names().flat_map(|(name, value)| [name, value]);
        names.chain(self.secrets())
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

/// Joins `parts`, each prefixed with its length, so that different lists never collide.
fn framed<'a>(parts: impl IntoIterator<Item = &'a str>) -> Zeroizing<Vec<u8>> {
    let parts: Vec<_> = parts.into_iter().collect();
    // Allocated in full: growing would leave copies behind.
    let size = parts.iter().map(|part| 8 + part.len()).sum();
    let mut all = Zeroizing::new(Vec::with_capacity(size));
    for part in parts {
        all.extend_from_slice(&(part.len() as u64).to_le_bytes());
        all.extend_from_slice(part.as_bytes());
    }
    all
}
