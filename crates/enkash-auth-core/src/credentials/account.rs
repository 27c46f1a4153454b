use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Credentials, GrantType};
use crate::{BaseUrl, account, hex::Hex};

/// One account at one server: what a lock-out hits, whatever the password was.
///
/// SHA-256 of the base address, the client id and the user name (or the access key). It survives a
/// change of password and shows none of them.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct AccountKey([u8; 32]);

impl Credentials {
    /// The account that these credentials belong to at `base`. The user name counts without white
    /// space around it and in lower case.
    pub fn account(&self, base: &BaseUrl) -> AccountKey {
        let (kind, client, user) = match &self.grant {
            GrantType::Password { client, user } => (
                "password",
                client.id.as_str(),
                user.name.trim().to_lowercase(),
            ),
            GrantType::Merchant { access_key, .. } => {
                ("merchant", access_key.expose_secret(), String::new())
            }
        };
        let mut hash = Sha256::new();
        for part in [kind, base.as_str(), client, &user] {
            hash.update(prefix(part));
            hash.update(part);
        }
        AccountKey(hash.finalize().into())
    }

    /// What tells these credentials from others of the same account: an HMAC-SHA-256 over every name and
    /// secret that is sent, under `salt`.
    pub fn fingerprint(&self, salt: [u8; 16]) -> account::Fingerprint {
        account::Fingerprint::new(salt, self.digest(&salt))
    }

    /// Whether `fingerprint` is that of these credentials.
    pub fn matches(&self, fingerprint: &account::Fingerprint) -> bool {
        self.fingerprint(fingerprint.salt()) == *fingerprint
    }

    fn digest(&self, salt: &[u8]) -> [u8; 32] {
        // As RFC 2104 pads a key that is shorter than a block.
        let mut block = [0; 64];
        for (byte, salt) in block.iter_mut().zip(salt) {
            *byte = *salt;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in self.sent() {
            mac.update(&prefix(part));
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// All that is sent, in a fixed order. Holds the secrets.
    pub(super) fn everything(&self) -> Zeroizing<Vec<u8>> {
        let size = self.sent().map(|part| 8 + part.len()).sum();
        // Grown, it would leave copies behind.
        let mut all = Zeroizing::new(Vec::with_capacity(size));
        for part in self.sent() {
            all.extend_from_slice(&prefix(part));
            all.extend_from_slice(part.as_bytes());
        }
        all
    }

    fn sent(&self) -> impl Iterator<Item = &str> {
        let names = self.names().flat_map(|(name, value)| [name, value]);
        names.chain(self.secrets())
    }
}

/// The length of a part, so that no two lists of parts hash alike.
fn prefix(part: &str) -> [u8; 8] {
    (part.len() as u64).to_le_bytes()
}

impl fmt::Display for AccountKey {
    /// The first six bytes, in hexadecimal: enough to tell accounts apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(self.0.split_at(6).0))
    }
}

impl fmt::LowerHex for AccountKey {
    /// All of it: for a key in a store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(&self.0))
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({self})")
    }
}
