use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hex::Hex;

/// Identifies credentials without revealing them: an HMAC over every secret and name that is sent, with a
/// salt of its own.
///
/// [`Credentials::fingerprint`](crate::Credentials::fingerprint) makes one, and
/// [`Credentials::matches`](crate::Credentials::matches) compares.
#[derive(Clone, Copy, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Fingerprint(Hex<48>);

impl Fingerprint {
    pub(crate) fn new(salt: [u8; 16], digest: [u8; 32]) -> Self {
        let mut bytes = [0; 48];
        for (byte, of) in bytes.iter_mut().zip(salt.into_iter().chain(digest)) {
            *byte = of;
        }
        Self(Hex(bytes))
    }

    /// Returns the salt that it was made with.
    pub fn salt(&self) -> [u8; 16] {
        self.0.0.first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}
