use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hex::{self, Hex};

/// Identifies credentials without revealing them: an HMAC over every secret and name that is sent, with a
/// salt of its own.
///
/// [`Credentials::fingerprint`](crate::Credentials::fingerprint) makes one, and
/// [`Credentials::matches`](crate::Credentials::matches) compares.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Fingerprint {
    salt: [u8; 16],
    digest: [u8; 32],
}

impl Fingerprint {
    pub(crate) const fn new(salt: [u8; 16], digest: [u8; 32]) -> Self {
        Self { salt, digest }
    }

    /// Returns the salt that it was made with.
    pub fn salt(&self) -> [u8; 16] {
        self.salt
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}{}", Hex(&self.salt), Hex(&self.digest)))
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let both: [u8; 48] = hex::deserialize(deserializer)?;
        let (mut salt, mut digest) = ([0; 16], [0; 32]);
        let (left, right) = both.split_at(salt.len());
        salt.copy_from_slice(left);
        digest.copy_from_slice(right);
        Ok(Self { salt, digest })
    }
}
